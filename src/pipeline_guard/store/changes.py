"""Changes: what live pages follow, written by the database's own triggers, read by id."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store.log_tables import Change

CHANNEL: Final = "pipeline_guard_changes"
"""What is notified of each change's id when its transaction commits."""
OVERLAP: Final = 100
"""Changes read once more after a gap: a lower id may be committed after a higher one, …"""
OVERLAP_TIME: Final = timedelta(minutes=2)
"""… but not by a transaction that began so long ago; none of ours lasts."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing that is not as it was: the newest change's id, what it is, and its own id."""

    id: int
    kind: str
    subject: int


def newest_of_each(rows: Sequence[Changed]) -> list[Changed]:
    """Of each thing its newest change, in the order of those."""
    newest = {(row.kind, row.subject): row for row in sorted(rows, key=lambda row: row.id)}
    return sorted(newest.values(), key=lambda row: row.id)


async def of_ids(session: AsyncSession, ids: Sequence[int]) -> list[Changed]:
    """The changes of these ids."""
    query = select(Change.id, Change.kind, Change.subject).where(Change.id.in_(ids))
    return newest_of_each([Changed(*row) for row in await session.execute(query)])


async def since(session: AsyncSession, last: int, limit: int) -> list[Changed]:
    """What changed after the change `last`; some that were before it may be there once more."""
    late = and_(Change.id > last - OVERLAP, Change.at > func.now() - OVERLAP_TIME)
    query = (
        select(Change.id, Change.kind, Change.subject)
        .where(or_(Change.id > last, late))
        .order_by(Change.id.desc())
        .limit(limit)
    )
    return newest_of_each([Changed(*row) for row in await session.execute(query)])


async def last_id(session: AsyncSession) -> int:
    """The highest id so far, 0 when nothing has changed yet."""
    return (await session.scalar(select(func.max(Change.id)))) or 0
