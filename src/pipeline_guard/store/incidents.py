"""Incidents: found spiking, opened once, probed, closed; and the failures that wait for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.runs import Run
from pipeline_guard.store.failures import storable
from pipeline_guard.store.incident_tables import Incident
from pipeline_guard.store.tables import Failure

MOST_ROWS = 500
"""Runs looked at to see whether a failure spikes; more change nothing about the answer."""
TITLE = 160
"""Characters of an evidence line that name an incident."""


@dataclass(frozen=True, slots=True)
class Spike:
    """How widely a fingerprint was seen in a while: each run as (repository, branch, run id)."""

    runs: frozenset[tuple[str, str | None, str]]

    @property
    def places(self) -> int:
        """In how many branches, over all repositories."""
        return len({(repository, branch) for repository, branch, _ in self.runs})


async def recent(session: AsyncSession, run: Run, fingerprint: str, since: datetime) -> Spike:
    """Runs that failed with that fingerprint since then, this one included."""
    query = (
        select(Failure.repository, Failure.branch, Failure.run_id)
        .where(
            Failure.platform == run.platform,
            Failure.fingerprint == fingerprint,
            Failure.created_at >= since,
        )
        .distinct()
        .limit(MOST_ROWS)
    )
    rows = await session.execute(query)
    seen = {(row[0], row[1], row[2]) for row in rows}
    return Spike(frozenset(seen | {(run.repository, run.branch, run.run_id)}))


async def count_runs(
    session: AsyncSession, platform: str, fingerprint: str, since: datetime, until: datetime
) -> int:
    """How many runs failed with that fingerprint in that time."""
    runs: Any = func.count(tuple_(Failure.repository, Failure.run_id).distinct())
    query = select(runs).where(
        Failure.platform == platform,
        Failure.fingerprint == fingerprint,
        Failure.created_at >= since,
        Failure.created_at < until,
    )
    return int((await session.execute(query)).scalar_one())


async def last_closed(session: AsyncSession, platform: str, fingerprint: str) -> datetime | None:
    """When its newest incident was closed; what was seen before then does not count again."""
    query = select(func.max(Incident.closed_at)).where(
        Incident.platform == platform, Incident.fingerprint == fingerprint
    )
    return (await session.execute(query)).scalar_one()


async def hold_open(session: AsyncSession, platform: str, fingerprint: str) -> Incident | None:
    """The open incident of a fingerprint, nobody else's to change until the transaction ends."""
    query = (
        select(Incident)
        .where(
            Incident.platform == platform,
            Incident.fingerprint == fingerprint,
            Incident.status != "closed",
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(query)).one_or_none()


async def hold(session: AsyncSession, incident: int) -> Incident | None:
    """The incident of that id, nobody else's to change until the transaction ends."""
    query = select(Incident).where(Incident.id == incident).with_for_update()
    query = query.execution_options(populate_existing=True)
    return (await session.scalars(query)).one_or_none()


async def open_one(
    session: AsyncSession, run: Run, diagnosis: Diagnosis, spike: Spike, now: datetime
) -> bool:
    """Open an incident; False when another transaction was faster."""
    first = diagnosis.evidence[0].text[:TITLE] if diagnosis.evidence else "no evidence line"
    values = {
        "platform": run.platform,
        "fingerprint": diagnosis.fingerprint,
        "category": diagnosis.category,
        "rule": diagnosis.rule,
        "title": f"{diagnosis.category}: {first}",
        "opened_at": now,
        "last_seen_at": now,
        "failures": len(spike.runs),
        "repositories": sorted({repository for repository, _, _ in spike.runs}),
        "probes": [],
    }
    query = insert(Incident).values(**storable(values)).on_conflict_do_nothing()
    return (await session.execute(query.returning(Incident.id))).scalar_one_or_none() is not None


def seen(incident: Incident, repository: str, now: datetime) -> None:
    """Count one more failure of a held incident."""
    incident.failures += 1
    incident.last_seen_at = now
    if repository not in incident.repositories:
        incident.repositories = sorted([*incident.repositories, repository])


def probe(incident: Incident, run: Run, failure: int, now: datetime) -> None:
    """Note that the re-run of a failure was let through; a run's failures are one probe."""
    incident.status = "probing"
    incident.probed_at = now
    incident.probes = [
        *incident.probes,
        {
            "failure": failure,
            "repository": run.repository,
            "run_id": run.run_id,
            "attempt": run.attempt,
            "at": now.isoformat(),
            "passed": None,
        },
    ]


def close(incident: Incident, why: str, now: datetime) -> None:
    """Close a held incident."""
    incident.status, incident.closed_at, incident.closed_by = "closed", now, why


async def get(session: AsyncSession, incident: int) -> Incident | None:
    """The incident of that id."""
    return await session.get(Incident, incident)


async def page(
    session: AsyncSession,
    *,
    status: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[Incident]:
    """Incidents, newest first; `before` is the id where the last page ended."""
    query = select(Incident).order_by(Incident.id.desc()).limit(limit)
    if status is not None:
        query = query.where(Incident.status == status)
    if before is not None:
        query = query.where(Incident.id < before)
    return (await session.scalars(query)).all()


async def waiting(session: AsyncSession, incident: Incident) -> list[tuple[str, str]]:
    """Runs with failures that the incident holds, as (repository, run id).

    Those that were tried least come first, then the newest: they are the likeliest to be wanted.
    """
    query = (
        select(Failure.repository, Failure.run_id)
        .where(
            Failure.platform == incident.platform,
            Failure.fingerprint == incident.fingerprint,
            Failure.status == "open",
            Failure.plan["refusals"].contains([{"guard": "incident"}]),
        )
        .group_by(Failure.repository, Failure.run_id)
        .order_by(func.max(Failure.run_attempt), func.max(Failure.id).desc())
    )
    return [(row[0], row[1]) for row in await session.execute(query)]


async def count_by(session: AsyncSession) -> dict[tuple[str, str], int]:
    """How many incidents there are by (platform, status)."""
    keys = (Incident.platform, Incident.status)
    rows = await session.execute(select(*keys, func.count()).group_by(*keys))
    return {(row[0], row[1]): row[2] for row in rows}
