"""GET /api/v1/deliveries/{id} and its replay: what came in, and doing it again."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel

from pipeline_guard.stages.context import Queue
from pipeline_guard.stages.recover import requeue
from pipeline_guard.store import deliveries as store
from pipeline_guard.store.session import Database
from pipeline_guard.store.tables import Delivery
from pipeline_guard.web.api.parameters import Filter


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


class DeliveryPage(BaseModel):
    """Deliveries, newest first; `next` is the cursor of the following page."""

    items: list[DeliveryOut]
    next: str | None


def shape(delivery: Delivery) -> DeliveryOut:
    """A stored delivery as the API shows it."""
    return DeliveryOut(**{name: getattr(delivery, name) for name in DeliveryOut.model_fields})


async def replay(database: Database, queue: Queue, delivery_id: int) -> bool:
    """Work a stored delivery off once more; False when there is none of that id.

    Safe at any time: what was found and done before is found again, not repeated.
    """
    async with database.transaction() as session:
        row = await store.get(session, delivery_id)
        if row is None:
            return False
        await requeue(queue, session, row, "replayed")
    return True


def router(database: Database, queue: Queue) -> APIRouter:
    """The routes over that database and queue."""
    routes = APIRouter(prefix="/deliveries", tags=["deliveries"])

    @routes.get("")
    async def list_deliveries(
        status: Filter = None,
        platform: Filter = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    ) -> DeliveryPage:
        """Deliveries, newest first, filtered by status and platform."""
        async with database.transaction() as session:
            rows = await store.page(
                session, status=status, platform=platform, before=cursor, limit=limit
            )
        more = str(rows[-1].id) if len(rows) == limit else None
        return DeliveryPage(items=[shape(row) for row in rows], next=more)

    @routes.get("/{delivery_id}")
    async def get_delivery(delivery_id: int) -> DeliveryOut:
        """One delivery."""
        async with database.transaction() as session:
            row = await store.get(session, delivery_id) if 0 < delivery_id < 2**63 else None
        if row is None:
            raise HTTPException(404, f"There is no delivery {delivery_id}.")
        return shape(row)

    @routes.post("/{delivery_id}/replay", status_code=202)
    async def replay_delivery(delivery_id: int) -> dict[str, Any]:
        """Work a delivery off once more."""
        known = 0 < delivery_id < 2**63 and await replay(database, queue, delivery_id)
        if not known:
            raise HTTPException(404, f"There is no delivery {delivery_id}.")
        return {"delivery": delivery_id, "status": "accepted"}

    return routes
