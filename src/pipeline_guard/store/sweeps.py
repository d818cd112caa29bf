"""Sweeps: who may sweep now, how far each list was read, and feeding a missed run to the line."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

import psycopg
from sqlalchemy import func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.recovery import FinishedRun
from pipeline_guard.errors import StoreUnavailable
from pipeline_guard.store.session import CONNECT_TIMEOUT, Database
from pipeline_guard.store.tables import Delivery, Failure, Repository, Sweep

SWEEP_LOCK = 0x50_47_53_57_45_45_50
"""Key of the lock that lets one sweep run at a time over all processes ("PGSWEEP")."""
RECOVERED_RUN = "recovered_run"
"""Event name of a delivery that stands for the webhook that never came."""
TURN = "turn"
PRUNE = "prune"
"""How two kinds of rounds are called among the sweeps: of looking, and of deleting."""
PROPOSALS = "proposals"
"""Reading what became of our requests and issues, by repository: nothing is recovered by it."""
RECEIVED_BEFORE = timedelta(minutes=5)
"""A run's webhook may be stamped so much earlier than the run's end, by another clock."""


@contextlib.asynccontextmanager
async def alone(database: Database) -> AsyncIterator[bool]:
    """True for one holder at a time; given back by PostgreSQL itself when the holder dies.

    Raises StoreUnavailable when the database is away.
    """
    try:
        connection = await psycopg.AsyncConnection.connect(
            database.url, autocommit=True, connect_timeout=CONNECT_TIMEOUT
        )
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"The database does not answer: {error}") from error
    async with connection:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (SWEEP_LOCK,))
        row = await cursor.fetchone()
        yield bool(row and row[0])


async def take_turn(session: AsyncSession, every: timedelta, what: str = TURN) -> bool:
    """Begin a round, unless the last one began less than `every` ago, here or elsewhere."""
    row = insert(Sweep).values(what=what, platform="", scope="", until=func.now())
    taken = row.on_conflict_do_update(
        index_elements=("what", "platform", "scope"),
        set_={"until": func.now()},
        where=Sweep.until <= func.now() - every,
    ).returning(Sweep.what)
    return (await session.execute(taken)).scalar_one_or_none() is not None


async def note_repositories(session: AsyncSession) -> None:
    """Learn the repositories of the deliveries that came since the last call."""
    await session.execute(
        text(
            "INSERT INTO repositories"
            " (platform, repository, first_seen, last_seen, last_delivery)"
            " SELECT platform, event ->> 'repository', min(received_at), max(received_at), max(id)"
            " FROM deliveries WHERE coalesce(event ->> 'repository', '') <> ''"
            " AND id > (SELECT coalesce(max(last_delivery), 0) FROM repositories)"
            " GROUP BY 1, 2"
            " ON CONFLICT (platform, repository) DO UPDATE"
            " SET last_seen = excluded.last_seen, last_delivery = excluded.last_delivery"
        )
    )


async def repositories(
    session: AsyncSession, platform: str, since: datetime
) -> dict[str, datetime]:
    """When each repository was first heard of, of those heard of since then."""
    query = (
        select(Repository.repository, Repository.first_seen)
        .where(Repository.platform == platform, Repository.last_seen >= since)
        .order_by(Repository.repository)
    )
    return {row[0]: row[1] for row in await session.execute(query)}


async def due(
    session: AsyncSession, what: str, platform: str, starts: Mapping[str, datetime], limit: int
) -> list[tuple[str, datetime]]:
    """The lists read least recently, with how far; `starts` is from where, for a new one."""
    query = select(Sweep.scope, Sweep.until).where(Sweep.what == what, Sweep.platform == platform)
    until = {row[0]: row[1] for row in await session.execute(query)}
    ordered = sorted((until.get(scope, start), scope) for scope, start in starts.items())
    return [(scope, reached) for reached, scope in ordered[:limit]]


async def advance(
    session: AsyncSession, what: str, platform: str, scope: str, until: datetime, found: int
) -> None:
    """Write down how far a list was read, and how much more was recovered from it."""
    row = insert(Sweep).values(what=what, platform=platform, scope=scope, until=until, found=found)
    await session.execute(
        row.on_conflict_do_update(
            index_elements=("what", "platform", "scope"),
            set_={"until": row.excluded.until, "found": Sweep.found + row.excluded.found},
        )
    )


async def unknown(
    session: AsyncSession, platform: str, repository: str, runs: Sequence[FinishedRun]
) -> list[FinishedRun]:
    """Those runs of a repository of which we have no failure and no delivery in work."""
    before = await _fed(session, platform, [run.key for run in runs])
    ids = [run.event.run_id for run in runs]
    jobs = [run.event.job_id for run in runs if run.event.job_id]
    stored = await session.execute(
        select(Failure.run_id, Failure.run_attempt, Failure.job_id, Failure.created_at).where(
            Failure.platform == platform,
            Failure.repository == repository,
            or_(Failure.run_id.in_(ids), Failure.job_id.in_(jobs)),
        )
    )
    failures = [(row[0], row[1], row[2], row[3]) for row in stored]
    run_id = Delivery.event["run_id"].astext
    working = await session.execute(
        select(run_id, Delivery.status, Delivery.received_at).where(
            Delivery.status != "processed",
            Delivery.platform == platform,
            Delivery.event["repository"].astext == repository,
            run_id.in_(ids),
        )
    )
    open_ones = [(row[0], row[1], row[2]) for row in working]
    return [
        run
        for run in runs
        if run.key not in before
        and not any(_is_failure_of(run, *row) for row in failures)
        and not any(_is_delivery_of(run, *row) for row in open_ones)
    ]


def _is_failure_of(
    run: FinishedRun, run_id: str, attempt: int, job_id: str, created_at: datetime
) -> bool:
    event = run.event
    if event.job_id is not None:
        return job_id == event.job_id
    if run_id != event.run_id:
        return False
    if event.attempt is not None:
        return attempt == event.attempt
    return created_at >= run.finished_at  # the platform counts no attempts


def _is_delivery_of(run: FinishedRun, run_id: str, status: str, received_at: datetime) -> bool:
    """One in work will re-read the run; one given up for this very end is left to a person."""
    if run_id != run.event.run_id:
        return False
    return status == "accepted" or received_at >= run.finished_at - RECEIVED_BEFORE


async def feed(session: AsyncSession, run: FinishedRun) -> int | None:
    """Store a delivery that stands for the missed one; None when that was done before."""
    row = insert(Delivery).values(
        platform=run.event.platform,
        delivery_id=f"recovered:{run.key}",
        event_name=RECOVERED_RUN,
        event=asdict(run.event),
        body=b"",
    )
    added = await session.execute(row.on_conflict_do_nothing().returning(Delivery.id))
    return added.scalar_one_or_none()


async def _fed(session: AsyncSession, platform: str, keys: Sequence[str]) -> set[str]:
    """Of these runs' keys, those that were fed before."""
    query = select(func.substr(Delivery.delivery_id, len("recovered:") + 1)).where(
        Delivery.platform == platform,
        Delivery.delivery_id.in_([f"recovered:{key}" for key in keys]),
    )
    return set(await session.scalars(query))


async def count_found(session: AsyncSession) -> dict[tuple[str, str], int]:
    """How much was recovered so far, by (platform, runs, deliveries or resumed)."""
    rows = await session.execute(
        select(Sweep.platform, Sweep.what, func.sum(Sweep.found))
        .where(Sweep.what.not_in((TURN, PRUNE, PROPOSALS)))
        .group_by(Sweep.platform, Sweep.what)
    )
    return {(row[0], row[1]): int(row[2]) for row in rows}
