"""GET /api/v1/tokens and the end of one of them; made they are on the command line only.

So nobody who got hold of an admin token can make another one that outlives it.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel

from pipeline_guard.domain.access import Scope
from pipeline_guard.store import audit
from pipeline_guard.store import tokens as store
from pipeline_guard.store.session import Database
from pipeline_guard.web.access import Actor, require

Name = Annotated[str, Path(max_length=100, pattern=r"^[^\x00]+$")]


class TokenOut(BaseModel):
    """A token, without what it is: of that only a hash is kept."""

    name: str
    scope: Scope
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class Tokens(BaseModel):
    """All tokens ever made, newest first."""

    items: list[TokenOut]


def router(database: Database) -> APIRouter:
    """The routes over that database."""
    routes = APIRouter(prefix="/tokens", tags=["tokens"])

    @routes.get("", dependencies=[require("admin")])
    async def list_tokens() -> Tokens:
        """All tokens, newest first, the revoked ones included."""
        async with database.transaction() as session:
            rows = await store.everything(session)
        names = TokenOut.model_fields
        return Tokens(
            items=[TokenOut(**{name: getattr(row, name) for name in names}) for row in rows]
        )

    @routes.delete("/{name:path}", status_code=204)
    async def revoke_token(name: Name, actor: Annotated[Actor, require("admin")]) -> None:
        """End a token, and what was signed in with it, at once."""
        async with database.transaction() as session:
            if await store.revoke(session, name) is None:
                raise HTTPException(404, f"There is no live token '{name}'.")
            audit.record(session, actor.name, "token.revoked", f"token:{name}", {})

    return routes
