"""Failures: written once per job and attempt, looked up by run, request, commit, fingerprint."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, selectinload

from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.plan import FailureStatus, Plan
from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.store.tables import Failure

FILTERS: Final[Mapping[str, InstrumentedAttribute[Any]]] = {
    "repository": Failure.repository,
    "category": Failure.category,
    "status": Failure.status,
    "fingerprint": Failure.fingerprint,
    "rule": Failure.rule,
}
"""What lists of failures are filtered by."""


def storable(value: Any) -> Any:
    """The value with what PostgreSQL's text cannot hold replaced: NUL and lone surrogates."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


async def add(
    session: AsyncSession,
    run: Run,
    job: Job,
    diagnosis: Diagnosis,
    plan: Plan,
    *,
    at: datetime | None = None,
) -> int | None:
    """Store a failure with its diagnosis and plan; None when it is there already.

    `at` is when it failed, where that is not just now.
    """
    values: dict[str, Any] = {
        "platform": run.platform,
        "repository": run.repository,
        "workflow": run.workflow,
        "run_id": run.run_id,
        "run_attempt": run.attempt,
        "run_url": run.url,
        "job_id": job.id,
        "job": job.name,
        "url": job.url or run.url,
        "branch": run.branch,
        "commit": run.commit,
        "request_number": run.request.number if run.request else None,
        "category": diagnosis.category,
        "confidence": diagnosis.confidence,
        "source": diagnosis.source,
        "rule": diagnosis.rule,
        "rule_version": diagnosis.rule_version,
        "transient": diagnosis.transient,
        "fingerprint": diagnosis.fingerprint,
        "diagnosis": asdict(diagnosis),
        "status": plan.status,
        "plan": asdict(plan),
    }
    kept = storable(values) | ({"created_at": at} if at else {})
    query = insert(Failure).values(**kept).on_conflict_do_nothing().returning(Failure.id)
    return (await session.execute(query)).scalar_one_or_none()


async def set_status(session: AsyncSession, ids: Sequence[int], status: FailureStatus) -> None:
    """Give these failures a new status."""
    await session.execute(update(Failure).where(Failure.id.in_(ids)).values(status=status))


def plan_anew(failure: Failure, plan: Plan) -> None:
    """Replace a loaded failure's plan and status; written with the transaction it is from."""
    failure.plan = storable(asdict(plan))
    failure.status = plan.status


async def newest_of_request(
    session: AsyncSession, platform: str, repository: str, number: int
) -> Failure | None:
    """The newest failure of a request, which names the commit that was tried last."""
    query = (
        select(Failure)
        .where(
            Failure.platform == platform,
            Failure.repository == repository,
            Failure.request_number == number,
        )
        .order_by(Failure.id.desc())
        .limit(1)
    )
    return (await session.scalars(query)).one_or_none()


async def get(session: AsyncSession, failure_id: int) -> Failure | None:
    """The failure with its actions."""
    query = select(Failure).where(Failure.id == failure_id).options(selectinload(Failure.actions))
    return (await session.scalars(query)).one_or_none()


async def _oldest_first(
    session: AsyncSession, platform: str, repository: str, *where: ColumnElement[bool]
) -> Sequence[Failure]:
    """The repository's failures of which that is true, with their actions."""
    query = (
        select(Failure)
        .where(Failure.platform == platform, Failure.repository == repository, *where)
        .order_by(Failure.id)
        .options(selectinload(Failure.actions))
    )
    return (await session.scalars(query)).all()


async def of_run(
    session: AsyncSession, platform: str, repository: str, run_id: str
) -> Sequence[Failure]:
    """All failures of a run over its attempts, oldest first, with their actions."""
    return await _oldest_first(session, platform, repository, Failure.run_id == run_id)


async def attempts(session: AsyncSession, platform: str, repository: str, run_id: str) -> set[int]:
    """The attempts of a run of which a failure is stored."""
    query = select(Failure.run_attempt).where(
        Failure.platform == platform, Failure.repository == repository, Failure.run_id == run_id
    )
    return set((await session.scalars(query)).all())


async def of_commit(
    session: AsyncSession, platform: str, repository: str, commit: str
) -> Sequence[Failure]:
    """All failures of a commit, oldest first, with their actions."""
    return await _oldest_first(session, platform, repository, Failure.commit == commit)


async def of_request(
    session: AsyncSession, platform: str, repository: str, number: int, commit: str | None
) -> Sequence[Failure]:
    """All failures of one commit of a pull or merge request, oldest first, with their actions."""
    of_number = Failure.request_number == number
    return await _oldest_first(session, platform, repository, of_number, Failure.commit == commit)


async def has_unsettled(
    session: AsyncSession, platform: str, repository: str, run_id: str | None
) -> bool:
    """Is there a failure of the run (of any run, when None) that could still be seen healed?"""
    query = select(Failure.id).where(
        Failure.platform == platform,
        Failure.repository == repository,
        Failure.status.in_(("open", "healing", "escalated", "observed")),
        Failure.rerun_passed.is_not(True),
    )
    if run_id is not None:
        query = query.where(Failure.run_id == run_id)
    return bool((await session.execute(select(query.exists()))).scalar_one())


async def open_before(
    session: AsyncSession, run: Run, *, any_workflow: bool = False
) -> Sequence[Failure]:
    """What waits for a person at other commits of the run's request, or else of its branch."""
    query = select(Failure).where(
        Failure.platform == run.platform,
        Failure.repository == run.repository,
        Failure.status.in_(("open", "escalated")),
        Failure.commit != run.commit,
    )
    if run.request is not None:
        query = query.where(Failure.request_number == run.request.number)
    else:
        query = query.where(Failure.request_number.is_(None), Failure.branch == run.branch)
    if not any_workflow:
        query = query.where(Failure.workflow == run.workflow)
    return (await session.scalars(query.order_by(Failure.id))).all()


async def anything_open(
    session: AsyncSession, platform: str, repository: str, branch: str | None, but_at: str | None
) -> bool:
    """Does a failure of the branch (of any, when None) wait for a person, but at that commit?"""
    query = select(Failure.id).where(
        Failure.platform == platform,
        Failure.repository == repository,
        Failure.status.in_(("open", "escalated")),
        Failure.commit != (but_at or ""),
    )
    if branch is not None:
        query = query.where(Failure.branch == branch)
    return bool((await session.execute(select(query.exists()))).scalar_one())


async def page(
    session: AsyncSession, *, before: int | None = None, limit: int = 50, **equal: str | None
) -> Sequence[Failure]:
    """Failures, newest first; `before` is the id where the last page ended.

    `equal` are values that columns of FILTERS must have; None or "" lets any pass.
    """
    query = (
        select(Failure)
        .order_by(Failure.id.desc())
        .limit(limit)
        .options(selectinload(Failure.actions))
    )
    for name, value in equal.items():
        if value:
            query = query.where(FILTERS[name] == value)
    if before is not None:
        query = query.where(Failure.id < before)
    return (await session.scalars(query)).all()


async def seen(session: AsyncSession, fingerprint: str, since: datetime) -> tuple[int, int, int]:
    """How often a fingerprint was seen since then: (times, re-run to an end, of those passed)."""
    query = select(
        func.count(),
        func.count(Failure.rerun_passed),
        func.count().filter(Failure.rerun_passed.is_(True)),
    ).where(Failure.fingerprint == fingerprint, Failure.created_at >= since)
    times, rerun, passed = (await session.execute(query)).one()
    return times, rerun, passed


async def alike(session: AsyncSession, failure: Failure, limit: int) -> Sequence[Failure]:
    """Other failures of the same fingerprint, newest first."""
    query = (
        select(Failure)
        .where(Failure.fingerprint == failure.fingerprint, Failure.id != failure.id)
        .order_by(Failure.created_at.desc())
        .limit(limit)
    )
    return (await session.scalars(query)).all() if failure.fingerprint else ()


async def count_since(session: AsyncSession, since: datetime) -> dict[str, int]:
    """How many failures of that time on there are by status."""
    query = (
        select(Failure.status, func.count())
        .where(Failure.created_at >= since)
        .group_by(Failure.status)
    )
    return {row[0]: row[1] for row in await session.execute(query)}


async def count_by(session: AsyncSession) -> dict[tuple[str, str, str, str], int]:
    """How many failures there are by (platform, category, source, status)."""
    keys = (Failure.platform, Failure.category, Failure.source, Failure.status)
    rows = await session.execute(select(*keys, func.count()).group_by(*keys))
    return {(row[0], row[1], row[2], row[3]): row[4] for row in rows}


async def by_attempt(session: AsyncSession, since: datetime) -> AsyncIterator[Failure]:
    """Failures since then, those of one run attempt after each other, a few in memory at a time."""
    query = (
        select(Failure)
        .where(Failure.created_at >= since)
        .order_by(
            Failure.platform,
            Failure.repository,
            Failure.run_id,
            Failure.run_attempt,
            Failure.id,
        )
        .execution_options(yield_per=200)
    )
    async for failure in await session.stream_scalars(query):
        yield failure
        session.expunge(failure)
