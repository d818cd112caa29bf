"""Audit: who did what to which thing, written once and never changed."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store.failures import storable
from pipeline_guard.store.session import Database
from pipeline_guard.store.tables import Audit

BOT: Final = "bot"
"""The actor of what the service decided itself; people are `<where>:<name>`, as `github:ann`."""
_PART: Final = 500
"""Entries that an export reads at a time."""


def record(
    session: AsyncSession, actor: str, action: str, subject: str, details: dict[str, Any]
) -> None:
    """Write an entry in the transaction of what it is about, so that neither is without the other.

    `action` is a noun and what became of it (`failure.ignored`), `subject` the thing's own name
    (`failure:7`, `github:acme/shop`). Secrets never belong in `details`.
    """
    kept = storable({"actor": actor, "action": action, "subject": subject, "details": details})
    session.add(Audit(**kept))


async def one_by_one(session: AsyncSession, subject: str) -> None:
    """Until this transaction ends, no other writes about the subject that asked for this, too."""
    key = func.hashtextextended(f"audit:{subject}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(key)))


async def newest(session: AsyncSession, subject: str, actions: Sequence[str]) -> Audit | None:
    """The last entry about a subject that is one of these actions."""
    query = (
        select(Audit)
        .where(Audit.subject == subject, Audit.action.in_(actions))
        .order_by(Audit.id.desc())
        .limit(1)
    )
    return (await session.scalars(query)).one_or_none()


async def page(
    session: AsyncSession,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[Audit]:
    """Entries, newest first, older than the id `before`; a filter that is None lets all pass."""
    query = select(Audit).order_by(Audit.id.desc()).limit(limit)
    for column, wanted in (
        (Audit.actor, actor),
        (Audit.action, action),
        (Audit.subject, subject),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if before is not None:
        query = query.where(Audit.id < before)
    return (await session.scalars(query)).all()


async def everything(database: Database, *, since: datetime | None = None) -> AsyncIterator[Audit]:
    """Every entry, oldest first, read in parts so that any number fits; raises StoreUnavailable."""
    last = 0
    while True:
        query = select(Audit).where(Audit.id > last).order_by(Audit.id).limit(_PART)
        if since is not None:
            query = query.where(Audit.at >= since)
        async with database.transaction() as session:
            rows = (await session.scalars(query)).all()
        for row in rows:
            yield row
        if len(rows) < _PART:
            return
        last = rows[-1].id
