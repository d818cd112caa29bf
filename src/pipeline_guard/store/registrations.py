"""Registrations: what a platform gave us when we were registered there, sealed."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store.access_tables import Registration


async def get(session: AsyncSession, platform: str) -> Registration | None:
    """The registration at a platform, None without one."""
    return await session.get(Registration, platform)


async def since(session: AsyncSession, platform: str) -> datetime | None:
    """When the registration was made or changed, to see cheaply whether it is a new one."""
    query = select(Registration.registered_at).where(Registration.platform == platform)
    return (await session.scalars(query)).one_or_none()


async def put(session: AsyncSession, platform: str, name: str, url: str, sealed: bytes) -> None:
    """Keep a registration; one that was there before is replaced."""
    values = {"name": name, "url": url, "sealed": sealed}
    again = values | {"registered_at": func.clock_timestamp()}
    await session.execute(
        insert(Registration)
        .values(platform=platform, **values)
        .on_conflict_do_update(index_elements=("platform",), set_=again)
    )
