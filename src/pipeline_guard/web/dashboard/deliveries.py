"""Deliveries: what platforms sent, what became of it, and working one off once more."""

import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline_guard.store import deliveries as store
from pipeline_guard.store.tables import Delivery
from pipeline_guard.web.access import Actor, require
from pipeline_guard.web.api.deliveries import replay as replay_stored
from pipeline_guard.web.api.parameters import Cursor, Filter, RowId, found
from pipeline_guard.web.dashboard.desk import Desk
from pipeline_guard.web.masking import masked_text

ROWS: Final = 50
LONGEST: Final = 200_000
"""Characters of a payload that are shown."""
STATUSES: Final = ("accepted", "processed", "failed")


def router(desk: Desk) -> APIRouter:
    """The list, one delivery, and its replay."""
    routes = APIRouter(prefix="/deliveries")

    @routes.get("", response_class=HTMLResponse)
    async def all_of_them(
        request: Request, status: Filter = None, platform: Filter = None, cursor: Cursor = None
    ) -> HTMLResponse:
        chosen = {"status": status or None, "platform": platform or None}
        async with desk.database.transaction() as session:
            rows = await store.page(session, **chosen, before=cursor, limit=ROWS)
            counts = await store.count_by_status(session)
        return desk.pages.show(
            request,
            "deliveries.html",
            section="/deliveries",
            deliveries=rows,
            counts={
                name: sum(count for (_, status), count in counts.items() if status == name)
                for name in STATUSES
            },
            platforms=sorted({name for name, _ in counts}),
            chosen={name: value for name, value in chosen.items() if value},
            cursor=cursor,
            more=rows[-1].id if len(rows) == ROWS else None,
        )

    @routes.get("/{delivery_id}", response_class=HTMLResponse)
    async def one(request: Request, delivery_id: RowId) -> HTMLResponse:
        async with desk.database.transaction() as session:
            row = found(await store.get(session, delivery_id), "delivery", delivery_id)
        return desk.pages.show(
            request, "delivery.html", section="/deliveries", delivery=row, payload=payload(row)
        )

    @routes.post("/{delivery_id}/replay")
    async def replay(delivery_id: RowId, actor: Annotated[Actor, require("act")]) -> Response:
        known = await replay_stored(desk.database, desk.context.queue, delivery_id, actor.name)
        found(known or None, "delivery", delivery_id)
        return RedirectResponse(f"/deliveries/{delivery_id}", 303)

    return routes


def payload(delivery: Delivery) -> str:
    """The body as people read it, its secrets masked; the event when the body is no JSON."""
    try:
        data: Any = json.loads(delivery.body)
    except ValueError:
        data = delivery.event
    return masked_text(json.dumps(data, indent=2, ensure_ascii=False)[:LONGEST])
