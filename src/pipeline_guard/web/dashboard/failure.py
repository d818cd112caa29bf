"""A failure: its log, its diagnosis, its plan, what was done, and how often it was seen before."""

from datetime import UTC, datetime, timedelta
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from pipeline_guard.domain.diagnosis import CATEGORIES
from pipeline_guard.remedies import REMEDIES, in_words
from pipeline_guard.stages.decide.choice import told
from pipeline_guard.store import failures
from pipeline_guard.web.api.parameters import RowId, found
from pipeline_guard.web.dashboard import log
from pipeline_guard.web.dashboard.desk import Desk

BEFORE: Final = 8
"""Earlier failures of the same fingerprint that are listed."""
SEEN_DAYS: Final = 30


def router(desk: Desk) -> APIRouter:
    """The page and its parts."""
    routes = APIRouter(prefix="/failures")

    @routes.get("/{failure_id}", response_class=HTMLResponse)
    async def one(request: Request, failure_id: RowId) -> HTMLResponse:
        async with desk.database.transaction() as session:
            row = found(await failures.get(session, failure_id), "failure", failure_id)
            since = datetime.now(UTC) - timedelta(days=SEEN_DAYS)
            seen = await failures.seen(session, row.fingerprint, since)
            before = await failures.alike(session, row, limit=BEFORE)
            shown = await log.view(session, row)
        return desk.pages.show(
            request, "failure.html", section="/", failure=row, seen=seen, days=SEEN_DAYS,
            before=before, log=shown, categories=CATEGORIES,
            arithmetic=told(row.plan["facts"].get("choice")),
            telling=log.telling(row.diagnosis["evidence"]),
            in_words=in_words, rerun=REMEDIES["rerun"],
        )  # fmt: skip

    return routes
