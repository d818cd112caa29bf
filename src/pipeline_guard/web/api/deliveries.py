"""GET /api/v1/deliveries/{id} and its replay: what came in, and doing it again."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from pipeline_guard.stages.context import Queue
from pipeline_guard.stages.upkeep.recover import requeue
from pipeline_guard.store import audit
from pipeline_guard.store import deliveries as store
from pipeline_guard.store.session import Database
from pipeline_guard.store.tables import Delivery
from pipeline_guard.web.access import Actor, require
from pipeline_guard.web.api.parameters import Cursor, Filter, Limit, Page, RowId, found, page_of
from pipeline_guard.web.masking import masked


class DeliveryOut(BaseModel):
    """One inbound webhook and what became of it."""

    id: int
    platform: str
    delivery_id: str
    event_name: str
    event: dict[str, Any]
    status: str
    note: str | None
    received_at: datetime
    processed_at: datetime | None


def shape(delivery: Delivery) -> DeliveryOut:
    """A stored delivery as the API shows it, the secrets of its event masked."""
    told = {name: getattr(delivery, name) for name in DeliveryOut.model_fields}
    return DeliveryOut(**told | {"event": masked(delivery.event)})


class Replayed(BaseModel):
    """A delivery that is queued again."""

    delivery: int
    status: Literal["accepted"]


async def replay(database: Database, queue: Queue, delivery_id: int, actor: str) -> bool:
    """Work a stored delivery off once more for `actor`; False when there is none of that id.

    Safe at any time: what was found and done before is found again, not repeated.
    """
    async with database.transaction() as session:
        row = await store.get(session, delivery_id)
        if row is None:
            return False
        await requeue(queue, session, row, "replayed")
        audit.record(session, actor, "delivery.replayed", f"delivery:{row.id}", {})
    return True


def router(database: Database, queue: Queue) -> APIRouter:
    """The routes over that database and queue."""
    routes = APIRouter(prefix="/deliveries", tags=["deliveries"])

    @routes.get("")
    async def list_deliveries(
        status: Filter = None,
        platform: Filter = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[DeliveryOut]:
        """Deliveries, newest first, filtered by status and platform."""
        async with database.transaction() as session:
            rows = await store.page(
                session, status=status, platform=platform, before=cursor, limit=limit
            )
        return page_of(rows, limit, shape)

    @routes.get("/{delivery_id}")
    async def get_delivery(delivery_id: RowId) -> DeliveryOut:
        """One delivery."""
        async with database.transaction() as session:
            row = await store.get(session, delivery_id)
        return shape(found(row, "delivery", delivery_id))

    @routes.post("/{delivery_id}/replay", status_code=202)
    async def replay_delivery(
        delivery_id: RowId, actor: Annotated[Actor, require("act")]
    ) -> Replayed:
        """Work a delivery off once more."""
        known = await replay(database, queue, delivery_id, actor.name)
        found(known or None, "delivery", delivery_id)
        return Replayed(delivery=delivery_id, status="accepted")

    return routes
