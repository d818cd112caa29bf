"""The rows that insights are made of: of each failure a few values, not the whole."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Float, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store.tables import Action, ActionFailure, Failure

MOST: Final = 30_000
"""Failures that are looked at, the newest; with more the page would take many seconds."""


async def rows(session: AsyncSession, since: datetime) -> list[tuple[Any, ...]]:
    """Failures since then, oldest first, with the columns that analytics/frame.py names."""
    facts: Any = Failure.plan["facts"]
    worth: Any = Failure.plan["policy"]["values"]["worth"]
    rerun = (
        select(Action.id)
        .join(ActionFailure, ActionFailure.action_id == Action.id)
        .where(
            ActionFailure.failure_id == Failure.id,
            Action.kind == "rerun",
            Action.status == "done",
        )
        .exists()
    )
    query = (
        select(
            Failure.id,
            Failure.platform,
            Failure.repository,
            Failure.job,
            Failure.category,
            Failure.rule,
            Failure.fingerprint,
            Failure.status,
            Failure.transient,
            Failure.created_at,
            Failure.settled_at,
            Failure.rerun_passed,
            rerun.label("rerun"),
            (facts["job"]["seconds"].astext.cast(Float) / 60).label("minutes"),
            worth["green_saves"].astext.cast(Float).label("green_saves"),
            Failure.diagnosis["failed_tests"].label("failed_tests"),
        )
        .where(Failure.created_at >= since)
        .order_by(Failure.created_at.desc())
        .limit(MOST)
    )
    return [tuple(row) for row in await session.execute(query)][::-1]
