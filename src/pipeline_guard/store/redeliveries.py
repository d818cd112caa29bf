"""Redeliveries: which deliveries never arrived, and when to ask for them again."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.recovery import DeliveryTry
from pipeline_guard.store.tables import Redelivery

MOST_ASKED = 6
"""How often one delivery is asked for; with the delays below, within about a day and a half."""
FIRST_DELAY = timedelta(minutes=5)
LATER_FACTOR = 3
"""Each time it is waited so much longer: our receiver may be away for hours, GitHub forgets
after three days."""


async def note(
    session: AsyncSession, platform: str, scope: str, failed: Collection[DeliveryTry]
) -> None:
    """Write down deliveries that failed; what is known of them is only brought up to date."""
    for item in failed:
        row = insert(Redelivery).values(
            platform=platform,
            delivery_id=item.delivery_id,
            scope=scope,
            handle=item.handle,
            event_name=item.event_name,
            tried_at=item.tried_at,
        )
        await session.execute(
            row.on_conflict_do_update(
                index_elements=("platform", "delivery_id"),
                set_={"tried_at": row.excluded.tried_at},
            )
        )


async def arrived(session: AsyncSession, platform: str, ids: Collection[str]) -> None:
    """Those came in after all, or need no answer any more."""
    await session.execute(
        update(Redelivery)
        .where(Redelivery.platform == platform, Redelivery.delivery_id.in_(ids))
        .values(status="arrived")
    )


async def due(
    session: AsyncSession, platform: str, scope: str, since: datetime, limit: int
) -> Sequence[Redelivery]:
    """What to ask for now, oldest first; `since` is as far as the platform remembers."""
    query = (
        select(Redelivery)
        .where(
            Redelivery.platform == platform,
            Redelivery.scope == scope,
            Redelivery.status == "open",
            Redelivery.asked < MOST_ASKED,
            Redelivery.next_at <= func.now(),
            Redelivery.tried_at >= since,
        )
        .order_by(Redelivery.tried_at)
        .limit(limit)
    )
    return (await session.scalars(query)).all()


async def intend(session: AsyncSession, row: Redelivery) -> None:
    """Count a request before it is made, so that a crash cannot make it endless."""
    delay = FIRST_DELAY * LATER_FACTOR**row.asked
    await session.execute(
        update(Redelivery)
        .where(Redelivery.platform == row.platform, Redelivery.delivery_id == row.delivery_id)
        .values(asked=Redelivery.asked + 1, next_at=func.now() + delay)
    )


async def give_up(session: AsyncSession, row: Redelivery, why: str) -> None:
    """The platform will not send it again."""
    await session.execute(
        update(Redelivery)
        .where(Redelivery.platform == row.platform, Redelivery.delivery_id == row.delivery_id)
        .values(status="given_up", note=why[:2000])
    )
