"""What a branch or request carries because of a failure: sightings, open issues, labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.runs import Run
from pipeline_guard.store.marks import is_due
from pipeline_guard.store.tables import Action, ActionFailure, Failure


@dataclass(frozen=True, slots=True)
class Sighting:
    """Other runs that showed a fingerprint in this repository: how many, and the first."""

    runs: int
    first: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """Something of ours on the platform: the action that made it, and for which job."""

    action: int
    params: dict[str, Any]
    external_id: str | None
    workflow: str
    job: str
    fingerprint: str


async def sightings(
    session: AsyncSession, run: Run, fingerprints: Sequence[str], since: datetime
) -> dict[str, Sighting]:
    """By fingerprint, where it was seen since then on the run's branch, in other runs than this."""
    each: Any = func.count(tuple_(Failure.run_id, Failure.workflow).distinct())
    query = (
        select(Failure.fingerprint, each, func.min(Failure.created_at))
        .where(
            Failure.fingerprint.in_([item for item in fingerprints if item]),
            Failure.created_at >= since,
            Failure.platform == run.platform,
            Failure.repository == run.repository,
            Failure.branch == run.branch,
            Failure.request_number.is_(None),
            Failure.run_id != run.run_id,
        )
        .group_by(Failure.fingerprint)
    )
    return {row[0]: Sighting(row[1], row[2]) for row in await session.execute(query)}


async def last_seen(session: AsyncSession, run: Run, fingerprint: str) -> datetime | None:
    """When the failure was seen last on the run's branch itself."""
    query = select(func.max(Failure.created_at)).where(
        Failure.fingerprint == fingerprint,
        Failure.platform == run.platform,
        Failure.repository == run.repository,
        Failure.branch == run.branch,
        Failure.request_number.is_(None),
    )
    return (await session.execute(query)).scalar_one()


def _standing(kind: str, platform: str, repository: str) -> tuple[ColumnElement[bool], ...]:
    """Actions of that kind whose effect still stands: no outcome was written down yet."""
    return (
        Action.kind == kind,
        Action.status == "done",
        Action.outcome.is_(None),
        Action.platform == platform,
        Action.repository == repository,
    )


async def anything_stands(session: AsyncSession, platform: str, repository: str) -> bool:
    """Does an issue, label or overdue mark of ours stand there, that a green run may end?"""
    issue = select(Action.id).where(*_standing("issue", platform, repository)).exists()
    label = select(Action.id).where(*_standing("label", platform, repository)).exists()
    mark = select(Action.id).where(*is_due(platform, repository, datetime.now(UTC))).exists()
    return bool((await session.execute(select(issue | label | mark))).scalar_one())


async def issues_about(
    session: AsyncSession, platform: str, repository: str, fingerprints: Sequence[str]
) -> dict[str, tuple[str, str | None]]:
    """Our open issues about these failures: number and address by fingerprint."""
    query = (
        select(Failure.fingerprint, Action.external_id, Action.url)
        .join(ActionFailure, ActionFailure.failure_id == Failure.id)
        .join(Action, ActionFailure.action_id == Action.id)
        .where(
            *_standing("issue", platform, repository),
            Failure.fingerprint.in_([item for item in fingerprints if item]),
            Action.external_id.is_not(None),
        )
        .order_by(Action.id)
    )
    rows = await session.execute(query)
    return {fingerprint: (number or "", url) for fingerprint, number, url in rows}


async def standing_issues(session: AsyncSession, run: Run) -> list[Kept]:
    """Our open issues about failures of the run's workflow on its branch."""
    return await _kept(session, "issue", run, Failure.branch == run.branch)


async def standing_labels(session: AsyncSession, run: Run, number: int) -> list[Kept]:
    """Our labels on a request, whichever workflow they are for."""
    return await _kept(session, "label", run, Failure.request_number == number)


async def _kept(
    session: AsyncSession, kind: str, run: Run, place: ColumnElement[bool]
) -> list[Kept]:
    query = (
        select(Action, Failure.workflow, Failure.job, Failure.fingerprint)
        .join(ActionFailure, ActionFailure.action_id == Action.id)
        .join(Failure, ActionFailure.failure_id == Failure.id)
        .where(*_standing(kind, run.platform, run.repository), place)
        .order_by(Action.id)
    )
    return [
        Kept(action.id, action.params, action.external_id, workflow, job, fingerprint)
        for action, workflow, job, fingerprint in await session.execute(query)
    ]


async def settle(session: AsyncSession, actions: Sequence[int]) -> None:
    """What these actions left on the platform stands no more: what it was about is healed.

    Their keys are given free: should it come back at once, that is another action.
    """
    free = func.concat(Action.key, "/over/", Action.id)
    await session.execute(
        update(Action).where(Action.id.in_(actions)).values(outcome="healed", key=free)
    )
