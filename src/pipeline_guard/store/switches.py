"""Switches: which repositories' own people have switched healing off."""

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store.tables import Switch


async def turn(
    session: AsyncSession, platform: str, repository: str, author: str, *, off: bool
) -> None:
    """Switch a repository off or on again, and keep who did."""
    values = {"is_off": off, "author": author}
    await session.execute(
        insert(Switch)
        .values(platform=platform, repository=repository, **values)
        .on_conflict_do_update(
            index_elements=("platform", "repository"), set_=values | {"updated_at": func.now()}
        )
    )


async def off_by(session: AsyncSession, platform: str, repository: str) -> str | None:
    """Who has switched the repository off and when, in words; None when it is on."""
    found = await session.get(Switch, (platform, repository))
    if found is None or not found.is_off:
        return None
    return f"{found.author} on {found.updated_at:%Y-%m-%d %H:%M} UTC"
