"""Now: what went red lately and what is being done about it; moves by itself."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from pipeline_guard.domain.diagnosis import CATEGORIES
from pipeline_guard.store import failures, incidents, switches
from pipeline_guard.web.api.parameters import Filter
from pipeline_guard.web.dashboard.desk import Desk

ROWS: Final = 50
INCIDENTS: Final = 10
DAY: Final = timedelta(hours=24)


def router(desk: Desk) -> APIRouter:
    """The page."""
    routes = APIRouter()

    @routes.get("/", response_class=HTMLResponse)
    async def now(
        request: Request,
        repository: Filter = None,
        category: Filter = None,
        status: Filter = None,
        fingerprint: Filter = None,
        rule: Filter = None,
        cursor: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    ) -> HTMLResponse:
        chosen = {
            "repository": repository or None,
            "category": category or None,
            "status": status or None,
            "fingerprint": fingerprint or None,
            "rule": rule or None,
        }
        async with desk.database.transaction() as session:
            rows = await failures.page(session, **chosen, before=cursor, limit=ROWS)
            going_on = [
                item
                for state in ("open", "probing")
                for item in await incidents.page(session, status=state, limit=INCIDENTS)
            ]
            turned = await switches.everything(session)
            counts = await failures.count_since(session, datetime.now(UTC) - DAY)
        return desk.pages.show(
            request,
            "now.html",
            section="/",
            failures=rows,
            counts=counts,
            incidents=going_on,
            off=[item for item in turned if item.is_off],
            chosen={name: value for name, value in chosen.items() if value},
            categories=CATEGORIES,
            cursor=cursor,
            more=rows[-1].id if len(rows) == ROWS else None,
        )

    return routes
