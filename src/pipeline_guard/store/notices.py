"""Notices: one row per event and receiver, so that nobody is told the same thing twice."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store.failures import storable
from pipeline_guard.store.tables import Failure, Notice


async def add(
    session: AsyncSession, key: str, target: str, notice: Mapping[str, Any]
) -> int | None:
    """Note that a receiver is to be told; None when it was told, or will be."""
    query = (
        insert(Notice)
        .values(key=key, target=target, notice=storable(dict(notice)))
        .on_conflict_do_nothing()
        .returning(Notice.id)
    )
    return (await session.execute(query)).scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a job failed of a cause, by what became of it."""

    repository: str
    job: str
    category: str
    status: str
    count: int


async def tallies(session: AsyncSession, since: datetime) -> list[Tally]:
    """The failures since then, counted."""
    keys = (Failure.repository, Failure.job, Failure.category, Failure.status)
    query = select(*keys, func.count()).where(Failure.created_at >= since).group_by(*keys)
    return [Tally(*row) for row in await session.execute(query.order_by(*keys))]


async def get(session: AsyncSession, notice_id: int) -> Notice | None:
    """The notice, None when it is past its age."""
    return await session.get(Notice, notice_id)


async def finish(session: AsyncSession, notice_id: int, status: str, note: str | None) -> None:
    """Write down how it ended: `sent` or `failed`."""
    sent_at = datetime.now(UTC) if status == "sent" else None
    await session.execute(
        update(Notice)
        .where(Notice.id == notice_id)
        .values(status=status, note=note, sent_at=sent_at)
    )
