"""How often each rule named the cause of a failure lately."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store.tables import Failure


@dataclass(frozen=True, slots=True)
class Hits:
    """Failures that a rule named within a day, a week and a month."""

    day: int
    week: int
    month: int


async def counts(session: AsyncSession, now: datetime) -> dict[str, Hits]:
    """By rule, those that named any in the last 30 days."""
    month = now - timedelta(days=30)
    query = (
        select(
            Failure.rule,
            func.count().filter(Failure.created_at >= now - timedelta(days=1)),
            func.count().filter(Failure.created_at >= now - timedelta(days=7)),
            func.count(),
        )
        .where(Failure.created_at >= month, Failure.rule.is_not(None))
        .group_by(Failure.rule)
    )
    rows = await session.execute(query)
    return {rule: Hits(day, week, all_) for rule, day, week, all_ in rows if rule is not None}
