"""Tokens: keys to the API for people and scripts, of which only a hash is kept."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.access import Scope
from pipeline_guard.store.access_tables import Token

PREFIX: Final = "pguard_"
"""Lets scanners for secrets, and people, know one of ours when they see it."""
_RANDOM_BYTES: Final = 32
_USE_NOTED_EVERY: Final = timedelta(minutes=1)


def digest(secret: str) -> str:
    """What is kept of a secret: 256 random bits need no slow hash, nobody can try them all."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


async def create(
    session: AsyncSession, name: str, scope: Scope, created_by: str
) -> tuple[Token, str] | None:
    """A new token and its secret, which is not kept; None when a live one has that name."""
    secret = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    values = {"name": name, "scope": scope, "hash": digest(secret), "created_by": created_by}
    query = insert(Token).values(**values).on_conflict_do_nothing().returning(Token)
    made = (await session.scalars(query)).one_or_none()
    return (made, secret) if made else None


async def find(session: AsyncSession, secret_digest: str) -> Token | None:
    """The live token with that digest; notes that it was used, at most once a minute."""
    query = select(Token).where(Token.hash == secret_digest, Token.revoked_at.is_(None))
    found = (await session.scalars(query)).one_or_none()
    if found is not None:
        now = datetime.now(UTC)
        stale = or_(Token.last_used_at.is_(None), Token.last_used_at < now - _USE_NOTED_EVERY)
        await session.execute(
            update(Token).where(Token.id == found.id, stale).values(last_used_at=now)
        )
    return found


async def revoke(session: AsyncSession, name: str) -> Token | None:
    """End the live token of that name; None when there is none."""
    query = (
        update(Token)
        .where(Token.name == name, Token.revoked_at.is_(None))
        .values(revoked_at=func.now())
        .returning(Token)
    )
    return (await session.scalars(query)).one_or_none()


async def everything(session: AsyncSession) -> Sequence[Token]:
    """All tokens ever made, newest first."""
    return (await session.scalars(select(Token).order_by(Token.id.desc()))).all()


async def any_live(session: AsyncSession) -> bool:
    """Was a token made that still opens something?"""
    query = select(Token.id).where(Token.revoked_at.is_(None)).limit(1)
    return (await session.scalars(query)).one_or_none() is not None
