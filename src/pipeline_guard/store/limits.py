"""Limits: what each platform still allows, and until when to leave it alone, for all replicas."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import case, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store.limit_tables import PlatformLimit

SAME_WINDOW: Final = timedelta(seconds=5)
"""Resets that lie so near to each other are one: servers round."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is left of `total` calls until `resets_at`, and a pause that the platform asked for."""

    remaining: int | None
    total: int | None
    resets_at: datetime | None
    paused_until: datetime | None


async def get(session: AsyncSession, platform: str) -> Known | None:
    """What is known of a platform's limit."""
    row = await session.get(PlatformLimit, platform, populate_existing=True)
    if row is None:
        return None
    return Known(row.remaining, row.total, row.resets_at, row.paused_until)


async def note(
    session: AsyncSession, platform: str, remaining: int, total: int, resets_at: datetime
) -> None:
    """Write down what an answer said; of two about one window the one with less left counts."""
    row = insert(PlatformLimit).values(
        platform=platform, remaining=remaining, total=total, resets_at=resets_at
    )
    told = row.excluded
    newer = func.coalesce(told.resets_at > PlatformLimit.resets_at + SAME_WINDOW, True)
    await session.execute(
        row.on_conflict_do_update(
            index_elements=("platform",),
            set_={
                "remaining": case(
                    (newer, told.remaining),
                    else_=func.least(PlatformLimit.remaining, told.remaining),
                ),
                "total": told.total,
                "resets_at": func.greatest(PlatformLimit.resets_at, told.resets_at),
                "updated_at": func.now(),
            },
        )
    )


async def pause(session: AsyncSession, platform: str, until: datetime) -> None:
    """Leave a platform alone until then, or longer if that was said already."""
    row = insert(PlatformLimit).values(platform=platform, paused_until=until)
    later = func.greatest(PlatformLimit.paused_until, row.excluded.paused_until)
    await session.execute(
        row.on_conflict_do_update(
            index_elements=("platform",), set_={"paused_until": later, "updated_at": func.now()}
        )
    )
