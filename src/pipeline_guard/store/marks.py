"""Marks: flaky tests that were put aside by a proposal of ours that people merged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, selectinload

from pipeline_guard.domain.runs import Run
from pipeline_guard.store.tables import Action, ActionFailure, Failure


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark in force: the action that proposed it, and all that it said."""

    action: int
    job: str
    failures: tuple[int, ...]
    test: str
    path: str
    until: str
    owners: tuple[str, ...]


def lift_key(action: int) -> str:
    """The key of the action that ends the mark which that one made."""
    return f"lift/{action}"


def is_due(platform: str, repository: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Of actions: marks whose day is over, and whose end was not proposed yet."""
    lifting = aliased(Action)
    lifted = (
        select(lifting.id)
        .where(
            lifting.key == func.concat("lift/", Action.id),
            lifting.status != "intended",  # an interrupted one is taken up again
        )
        .exists()
    )
    return (
        Action.platform == platform,
        Action.repository == repository,
        Action.kind == "quarantine",
        Action.outcome == "merged",
        Action.params["until"].astext < f"{now:%Y-%m-%d}",
        ~lifted,
    )


async def due(session: AsyncSession, run: Run, now: datetime) -> Sequence[Mark]:
    """The marks on the run's branch whose day is over."""
    query = (
        select(Action)
        .join(ActionFailure, ActionFailure.action_id == Action.id)
        .join(Failure, ActionFailure.failure_id == Failure.id)
        .where(*is_due(run.platform, run.repository, now), Failure.branch == run.branch)
        .distinct()
        .order_by(Action.id)
        .options(selectinload(Action.failures))
    )
    return [_mark(action) for action in await session.scalars(query)]


def _mark(action: Action) -> Mark:
    params = action.params
    return Mark(
        action.id,
        action.failures[0].job,
        tuple(item.id for item in action.failures),
        params["test"],
        params["paths"][0],
        params["until"],
        tuple(params["owners"]),
    )
