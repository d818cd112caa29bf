"""Tickets: secrets that are good once and for minutes, such as the state of a sign-in."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store.access_tables import Ticket
from pipeline_guard.store.tokens import digest


async def issue(session: AsyncSession, kind: str, data: dict[str, Any], life: timedelta) -> str:
    """A new ticket's secret, of which only a hash is kept; tickets past their time go."""
    now = datetime.now(UTC)
    await session.execute(delete(Ticket).where(Ticket.expires_at < now))
    secret = secrets.token_urlsafe(32)
    session.add(Ticket(hash=digest(secret), kind=kind, data=data, expires_at=now + life))
    return secret


async def redeem(session: AsyncSession, kind: str, secret: str) -> dict[str, Any] | None:
    """What was kept with the ticket, which is gone by this; None when there is no such ticket."""
    query = (
        delete(Ticket)
        .where(
            Ticket.hash == digest(secret),
            Ticket.kind == kind,
            Ticket.expires_at >= datetime.now(UTC),
        )
        .returning(Ticket.data)
    )
    return (await session.execute(query)).scalar_one_or_none()
