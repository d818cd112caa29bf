"""Deliveries: stored together with the job that works on them, listed, marked, replayed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.errors import StoreUnavailable
from pipeline_guard.store.tables import Delivery

QUEUE = "line"
PROCESS_TASK = "process_delivery"

# One statement, so one round trip and one transaction for any number of deliveries: what is new
# is stored and gets its job, what is known is left alone. The job goes in by the queue's own SQL
# function, the same that its Python API calls. Bodies pass through once: a CTE that is read twice,
# or a DISTINCT over them, would copy them all. Queue and task are QUEUE and PROCESS_TASK.
_STORE = """
WITH stored AS (
    INSERT INTO deliveries (platform, delivery_id, event_name, event, body)
    SELECT platform, delivery_id, event_name, event::jsonb, body
    FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::bytea[])
        AS t(platform, delivery_id, event_name, event, body)
    ON CONFLICT (platform, delivery_id) DO NOTHING
    RETURNING id, platform, delivery_id, event->'hints'->>'traceparent' AS traceparent,
        concat_ws(':', platform, event->>'repository', event->>'run_id') AS lock
), deferred AS (
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW('line', 'process_delivery', 0, lock, NULL,
            jsonb_strip_nulls(jsonb_build_object('delivery', id, 'traceparent', traceparent)),
            NULL)::procrastinate_job_to_defer_v1
        ORDER BY id)) AS jobs
    FROM stored
)
SELECT platform, delivery_id, id, (SELECT jobs FROM deferred) FROM stored
"""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """What `store_batch` writes; `event` is JSON and names platform, repository and run_id."""

    platform: str
    delivery_id: str
    event_name: str
    event: bytes
    body: bytes


async def store_batch(
    pool: AsyncConnectionPool, batch: Sequence[NewDelivery]
) -> dict[tuple[str, str], int]:
    """Store what is new and defer its jobs, all in one statement; no two of a batch may be equal.

    Returns the row ids of the new ones by (platform, delivery id); what is missing from it was
    known already. Raises psycopg.DataError for a value that cannot be stored, StoreUnavailable for
    whatever else the database has against it: the platform is to send it again.
    """
    columns = (
        [item.platform for item in batch],
        [item.delivery_id for item in batch],
        [item.event_name for item in batch],
        [item.event.decode() for item in batch],
        [item.body for item in batch],
    )
    try:
        async with pool.connection() as connection:
            cursor = await connection.execute(_STORE.encode(), columns, prepare=True)
            return {(row[0], row[1]): row[2] for row in await cursor.fetchall()}
    except psycopg.DataError:
        raise
    except (psycopg.Error, PoolTimeout) as error:
        raise StoreUnavailable(f"The database takes nothing: {error}") from error


async def get(session: AsyncSession, row_id: int) -> Delivery | None:
    """The delivery of that row id."""
    return await session.get(Delivery, row_id)


async def mark(session: AsyncSession, row_id: int, status: str, note: str | None) -> None:
    """Say what became of a delivery: `processed`, `failed` or again `accepted`."""
    await session.execute(
        update(Delivery)
        .where(Delivery.id == row_id)
        .values(status=status, note=note, processed_at=datetime.now(UTC))
    )


async def page(
    session: AsyncSession,
    *,
    status: str | None = None,
    platform: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[Delivery]:
    """Deliveries, newest first; `before` is the row id where the last page ended."""
    query = select(Delivery).order_by(Delivery.id.desc()).limit(limit)
    if status:
        query = query.where(Delivery.status == status)
    if platform:
        query = query.where(Delivery.platform == platform)
    if before is not None:
        query = query.where(Delivery.id < before)
    return (await session.scalars(query)).all()


async def newest_of_run(
    session: AsyncSession, platform: str, repository: str, run_id: str
) -> Delivery | None:
    """The newest delivery about a run that is still kept."""
    query = (
        select(Delivery)
        .where(
            Delivery.platform == platform,
            Delivery.event["repository"].astext == repository,
            Delivery.event["run_id"].astext == run_id,
        )
        .order_by(Delivery.id.desc())
        .limit(1)
    )
    return (await session.scalars(query)).one_or_none()


async def known_ids(session: AsyncSession, platform: str, ids: Sequence[str]) -> set[str]:
    """Which of these ids of the platform's are stored."""
    query = select(Delivery.delivery_id).where(
        Delivery.platform == platform, Delivery.delivery_id.in_(ids)
    )
    return set(await session.scalars(query))


async def lost(session: AsyncSession, before: datetime, limit: int) -> Sequence[Delivery]:
    """Deliveries accepted and not touched since then that no queued or running job works on."""
    no_job = text(
        "NOT EXISTS (SELECT FROM procrastinate_jobs job WHERE job.status IN ('todo', 'doing')"
        " AND job.task_name = :task AND job.args -> 'delivery' = to_jsonb(deliveries.id))"
    ).bindparams(task=PROCESS_TASK)
    touched = func.coalesce(Delivery.processed_at, Delivery.received_at)
    query = (
        select(Delivery)
        .where(Delivery.status == "accepted", touched < before, no_job)
        .order_by(Delivery.id)
        .limit(limit)
    )
    return (await session.scalars(query)).all()


async def failed_ids(session: AsyncSession) -> Sequence[int]:
    """Row ids of the deliveries that were given up, oldest first."""
    query = select(Delivery.id).where(Delivery.status == "failed").order_by(Delivery.id)
    return (await session.scalars(query)).all()


async def count_by_status(session: AsyncSession) -> dict[tuple[str, str], int]:
    """How many deliveries there are by (platform, status)."""
    query = select(Delivery.platform, Delivery.status, func.count()).group_by(
        Delivery.platform, Delivery.status
    )
    return {(platform, status): count for platform, status, count in await session.execute(query)}
