"""The rows that insights are made of: of each failure a few values, not the whole."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Float, case, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store.tables import Action, ActionFailure, Failure

MOST: Final = 30_000
"""Failures that are looked at, the newest; with more the page would take many seconds."""

BUILT_IN: Final = "built-in"
"""How a plan's policy names the origin of what nobody set; policy/layers.py writes it."""


async def rows(session: AsyncSession, since: datetime) -> list[tuple[Any, ...]]:
    """Failures since then, oldest first, with the columns that analytics/frame.py names."""
    facts: Any = Failure.plan["facts"]
    policy: Any = Failure.plan["policy"]
    worth = policy["values"]["worth"]
    # Of money only what somebody has set counts: a built-in price would be one made up.
    priced = policy["values"]["prices"].astext != "{}"
    valued = policy["origins"]["worth.hour_costs"].astext != BUILT_IN
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
            case((priced, facts["choice"]["money"].astext.cast(Float))).label("money"),
            case((valued, worth["hour_costs"].astext.cast(Float))).label("hour_costs"),
            Failure.diagnosis["failed_tests"].label("failed_tests"),
        )
        .where(Failure.created_at >= since)
        .order_by(Failure.created_at.desc())
        .limit(MOST)
    )
    return [tuple(row) for row in await session.execute(query)][::-1]
