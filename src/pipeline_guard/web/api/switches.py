"""GET /api/v1/switches and the turning of one: healing off, from one repository to all of them."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.platforms import PLATFORMS
from pipeline_guard.store import audit
from pipeline_guard.store import switches as store
from pipeline_guard.store.session import Database
from pipeline_guard.store.tables import Switch
from pipeline_guard.web.access import Actor, require

PLATFORM: Final = rf"^(?:\*|{'|'.join(PLATFORMS)})$"
REPOSITORY: Final = r"^(?:\*|[^\x00*]*[^\x00*/](?:/\*)?)$"
LONGEST: Final = 300
"""Characters of such a name."""

Platform = Annotated[str, Path(pattern=PLATFORM, description="Its name, or `*` for every one.")]
Name = Annotated[
    str,
    Path(
        max_length=LONGEST,
        pattern=REPOSITORY,
        description="Its full name, `owner/*` for all of an owner or group, or `*` for every one.",
    ),
]


class Turn(BaseModel):
    """What a switch is to be."""

    model_config = ConfigDict(extra="forbid")

    off: bool


class SwitchOut(BaseModel):
    """A switch, and who turned it last."""

    platform: str
    repository: str
    off: bool
    author: str
    updated_at: datetime
    repositories: int = Field(
        description="How many repositories that deliveries came from it is about; 0 may be a slip."
    )


class Switches(BaseModel):
    """Every switch ever turned, the one turned last first."""

    items: list[SwitchOut]


async def listed(session: AsyncSession) -> list[SwitchOut]:
    """Every switch as the API shows it."""
    return [await _shape(session, row) for row in await store.everything(session)]


async def turn(
    database: Database, platform: str, repository: str, actor: str, *, off: bool
) -> SwitchOut:
    """Turn a switch, on record; what waits to be done is held against it before it is done."""
    async with database.transaction() as session:
        turned = await _shape(
            session, await store.turn(session, platform, repository, actor, off=off)
        )
        subject = f"{turned.platform}:{turned.repository}"
        what = "switch.off" if off else "switch.on"
        audit.record(session, actor, what, subject, {"repositories": turned.repositories})
        return turned


async def _shape(session: AsyncSession, switch: Switch) -> SwitchOut:
    return SwitchOut(
        platform=switch.platform,
        repository=switch.repository,
        off=switch.is_off,
        author=switch.author,
        updated_at=switch.updated_at,
        repositories=await store.reach(session, switch.platform, switch.repository),
    )


def router(database: Database) -> APIRouter:
    """The routes over that database."""
    routes = APIRouter(prefix="/switches", tags=["switches"])

    @routes.get("")
    async def list_switches() -> Switches:
        """Where healing is switched off, by whom, and where it was; what policy says is apart."""
        async with database.transaction() as session:
            return Switches(items=await listed(session))

    @routes.put("/{platform}/{repository:path}")
    async def turn_switch(
        platform: Platform, repository: Name, wanted: Turn, actor: Annotated[Actor, require("act")]
    ) -> SwitchOut:
        """Switch healing off or on again; a repository is healed while no switch over it is off."""
        return await turn(database, platform, repository, actor.name, off=wanted.off)

    return routes
