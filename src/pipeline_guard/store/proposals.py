"""Proposals: requests and issues of ours that stand, and what people did with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.changes import Declined
from pipeline_guard.domain.plan import ProposalOutcome
from pipeline_guard.domain.runs import Run
from pipeline_guard.store.tables import Action, ActionFailure, Failure

REQUESTS: Final = ("patch", "quarantine")
KINDS: Final = (*REQUESTS, "issue")


@dataclass(frozen=True, slots=True)
class Standing:
    """One request or issue of ours whose end is not known; several actions may be about it."""

    kind: str
    number: int
    actions: tuple[int, ...]


async def repositories(session: AsyncSession, platform: str) -> Sequence[str]:
    """Where proposals of ours stand."""
    query = select(Action.repository).where(*_standing(platform)).distinct()
    return (await session.scalars(query)).all()


async def standing(
    session: AsyncSession, platform: str, repository: str, limit: int
) -> list[Standing]:
    """The newest proposals of a repository whose end is not known."""
    query = (
        select(Action.kind, Action.external_id, Action.id)
        .where(*_standing(platform), Action.repository == repository)
        .order_by(Action.id.desc())
    )
    found: dict[tuple[str, int], list[int]] = {}
    for kind, number, action in await session.execute(query):
        if number and number.isdecimal():
            found.setdefault((kind, int(number)), []).append(action)
    return [
        Standing(kind, number, tuple(actions))
        for (kind, number), actions in list(found.items())[:limit]
    ]


def _standing(platform: str) -> tuple[Any, ...]:
    return (
        Action.platform == platform,
        Action.kind.in_(KINDS),
        Action.status == "done",
        Action.outcome.is_(None),
        Action.external_id.is_not(None),
    )


async def settle(
    session: AsyncSession, actions: Sequence[int], outcome: ProposalOutcome
) -> Sequence[int]:
    """Write down how a proposal ended, once; returns the actions of which nothing was known."""
    ended = (
        update(Action)
        .where(Action.id.in_(actions), Action.outcome.is_(None))
        .values(outcome=outcome)
        .returning(Action.id)
    )
    return (await session.scalars(ended)).all()


async def declined(
    session: AsyncSession, run: Run, fingerprints: Sequence[str], since: datetime
) -> list[Declined]:
    """What people did not want about these failures: on the run's branch, or as an issue."""
    told = Action.params["fingerprint"].astext
    query = (
        select(Action)
        .join(ActionFailure, ActionFailure.action_id == Action.id)
        .join(Failure, ActionFailure.failure_id == Failure.id)
        .where(
            Action.platform == run.platform,
            Action.repository == run.repository,
            or_(
                and_(
                    Action.kind.in_(REQUESTS),
                    Action.outcome == "closed",
                    Failure.branch == run.branch,
                ),
                and_(Action.kind == "issue", Action.outcome == "not_planned"),
            ),
            told.in_([item for item in fingerprints if item]),
            Action.created_at >= since,
        )
        .distinct()
        .order_by(Action.id)
    )
    return [_declined(action) for action in await session.scalars(query)]


def _declined(action: Action) -> Declined:
    params = action.params
    paths = tuple(sorted(params.get("paths", ())))
    return Declined(
        action.kind,  # type: ignore[arg-type]  # the query asks for these kinds alone
        params["fingerprint"],
        action.external_id or "",
        action.url,
        paths,
    )
