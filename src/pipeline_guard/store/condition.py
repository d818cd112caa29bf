"""How the database itself is, and whether the queue is worked on: for `doctor`."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store import figures
from pipeline_guard.store.tables import Delivery


@dataclass(frozen=True, slots=True)
class Condition:
    """What was found; ages in seconds."""

    server: str
    """PostgreSQL's version, for example "18.1"."""
    revision: str | None
    """Of the schema."""
    now: datetime
    """By the database's clock."""
    size: int
    """Bytes of the whole database."""
    waiting: int
    """Jobs that are due."""
    oldest: float
    """How long the oldest of them has waited."""
    workers: int
    """Workers with a sign of life within the last minute."""
    given_up: int
    """Deliveries that were given up."""


async def look(session: AsyncSession) -> Condition:
    """Look at all of it."""
    row = (
        await session.execute(
            text(
                "SELECT current_setting('server_version'), clock_timestamp(),"
                " pg_database_size(current_database()),"
                " (SELECT version_num FROM alembic_version),"
                " (SELECT count(*) FROM procrastinate_workers"
                "  WHERE last_heartbeat > now() - interval '1 minute')"
            )
        )
    ).one()
    waiting, oldest = (await figures.queue_depth(session)).get("todo", (0, 0.0))
    given_up = select(func.count()).where(Delivery.status == "failed")
    return Condition(
        server=str(row[0]).split()[0],
        now=row[1],
        size=row[2],
        revision=row[3],
        workers=row[4],
        waiting=waiting,
        oldest=oldest,
        given_up=(await session.execute(given_up)).scalar_one(),
    )


async def last_delivery(session: AsyncSession, platform: str) -> datetime | None:
    """When the platform's newest delivery came; None when there was none."""
    query = select(Delivery.received_at).where(Delivery.platform == platform)
    return await session.scalar(query.order_by(Delivery.id.desc()).limit(1))


async def newest_repositories(session: AsyncSession, platform: str, limit: int) -> list[str]:
    """Repositories of the platform that deliveries came from, the most recent first."""
    rows = await session.execute(
        text(
            "SELECT repository FROM (SELECT id, event->>'repository' AS repository FROM deliveries"
            " WHERE platform = :platform ORDER BY id DESC LIMIT 1000) newest"
            " WHERE repository <> '' GROUP BY repository ORDER BY max(id) DESC LIMIT :limit"
        ),
        {"platform": platform, "limit": limit},
    )
    return [row[0] for row in rows]
