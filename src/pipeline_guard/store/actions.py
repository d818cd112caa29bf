"""Actions: the intent first, the result after the call, the outcome when the re-run ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from pipeline_guard.domain.dispatch import OTHER_RUNNER
from pipeline_guard.domain.runs import Run
from pipeline_guard.store.tables import Action, ActionFailure

_DISPATCHES: Final = Action.params["scope"].astext == OTHER_RUNNER


@dataclass(frozen=True, slots=True)
class Intent:
    """An action about to be done, or found as an earlier try left it."""

    id: int
    kind: str
    status: str
    fresh: bool
    created_at: datetime


async def intend(
    session: AsyncSession,
    run: Run,
    *,
    attempt: int,
    kind: str,
    key: str,
    params: dict[str, Any],
    failure_ids: Sequence[int],
) -> Intent:
    """Write down what is about to be done; the same `key` finds the earlier intent again.

    `attempt` is the one the plan was made for; the run may be at a newer one by now.
    """
    inserted = await session.execute(
        insert(Action)
        .values(
            key=key,
            kind=kind,
            platform=run.platform,
            repository=run.repository,
            run_id=run.run_id,
            run_attempt=attempt,
            params=params,
            status="intended",
        )
        .on_conflict_do_nothing()
        .returning(Action.id)
    )
    fresh = inserted.scalar_one_or_none() is not None
    action = (await session.scalars(select(Action).where(Action.key == key))).one()
    for failure_id in failure_ids:
        await session.execute(
            insert(ActionFailure)
            .values(action_id=action.id, failure_id=failure_id)
            .on_conflict_do_nothing()
        )
    return Intent(action.id, action.kind, action.status, fresh, action.created_at)


async def trace(session: AsyncSession, action_id: int, traceparent: str) -> None:
    """Keep the trace it is done in, for the webhook of its re-run to point back to."""
    await session.execute(
        update(Action).where(Action.id == action_id).values(traceparent=traceparent)
    )


async def finish(
    session: AsyncSession,
    action_id: int,
    status: str,
    *,
    url: str | None = None,
    external_id: str | None = None,
    note: str | None = None,
) -> None:
    """Write down how the call went: `done`, `failed` or `skipped`."""
    await session.execute(
        update(Action)
        .where(Action.id == action_id)
        .values(
            status=status,
            url=url,
            external_id=external_id,
            note=note,
            finished_at=datetime.now(UTC),
        )
    )


async def undecided_reruns(session: AsyncSession, run: Run) -> Sequence[Action]:
    """Re-runs of earlier attempts of this run whose outcome is not known yet.

    One that was dispatched as a run of its own is decided by that run alone.
    """
    query = (
        select(Action)
        .where(
            Action.kind == "rerun",
            Action.status.in_(("intended", "done")),
            Action.outcome.is_(None),
            Action.platform == run.platform,
            Action.repository == run.repository,
            Action.run_id == run.run_id,
            Action.run_attempt < run.attempt,
            ~(_DISPATCHES & Action.external_id.is_not(None)),
        )
        .order_by(Action.id)
        .options(selectinload(Action.failures))
    )
    return (await session.scalars(query)).all()


async def awaiting_run(
    session: AsyncSession, platform: str, repository: str, run_id: str
) -> Sequence[Action]:
    """Re-runs that were dispatched as the run of that id, and whose outcome is not known yet."""
    query = (
        select(Action)
        .where(
            Action.kind == "rerun",
            _DISPATCHES,
            Action.outcome.is_(None),
            Action.platform == platform,
            Action.repository == repository,
            Action.external_id == run_id,
        )
        .order_by(Action.id)
        .options(selectinload(Action.failures))
    )
    return (await session.scalars(query)).all()


async def count_by(session: AsyncSession) -> dict[tuple[str, str, str, str], int]:
    """How many actions there are by (platform, kind, status, outcome or "")."""
    outcome = func.coalesce(Action.outcome, "")
    keys = (Action.platform, Action.kind, Action.status)
    rows = await session.execute(select(*keys, outcome, func.count()).group_by(*keys, outcome))
    return {(row[0], row[1], row[2], row[3]): row[4] for row in rows}
