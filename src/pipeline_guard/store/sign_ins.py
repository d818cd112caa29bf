"""Sign-ins: browsers that showed who they are, each for half a day at most."""

import secrets
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.access import Scope
from pipeline_guard.store import tokens
from pipeline_guard.store.access_tables import SignIn

LIFETIME: Final = timedelta(hours=12)


async def start(session: AsyncSession, actor: str, scope: Scope, basis: str) -> str:
    """Sign a browser in and return what its cookie shall hold; the old ones are cleared away.

    `basis` is what the sign-in stands on: a token's digest, or another word for what must still
    be in force when the cookie is shown.
    """
    now = datetime.now(UTC)
    await session.execute(delete(SignIn).where(SignIn.expires_at < now))
    secret = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            hash=tokens.digest(secret),
            actor=actor,
            scope=scope,
            basis=basis,
            expires_at=now + LIFETIME,
        )
    )
    return secret


async def find(session: AsyncSession, secret: str, in_force: Collection[str]) -> SignIn | None:
    """The sign-in of a cookie, if it has not ended and its basis is in force or a live token."""
    found = await session.get(SignIn, tokens.digest(secret))
    if found is None or found.expires_at < datetime.now(UTC):
        return None
    if found.basis in in_force or await tokens.find(session, found.basis) is not None:
        return found
    return None


async def end(session: AsyncSession, secret: str) -> None:
    """Sign the browser with that cookie out."""
    await session.execute(delete(SignIn).where(SignIn.hash == tokens.digest(secret)))
