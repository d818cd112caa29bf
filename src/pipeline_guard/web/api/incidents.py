"""GET /api/v1/incidents: failures that hit many runs at once, and how their re-runs came back."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from pipeline_guard.store import incidents as store
from pipeline_guard.store.incident_tables import Incident
from pipeline_guard.store.session import Database
from pipeline_guard.web.api.parameters import Cursor, Filter, Limit, Page, RowId, found, page_of


class IncidentOut(BaseModel):
    """One fingerprint that spiked across runs."""

    id: int
    platform: str
    fingerprint: str
    category: str
    rule: str | None
    title: str
    status: str
    opened_at: datetime
    last_seen_at: datetime
    probed_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    failures: int
    repositories: list[str]
    probes: list[dict[str, Any]]


def shape(incident: Incident) -> IncidentOut:
    """A stored incident as the API shows it."""
    return IncidentOut(**{name: getattr(incident, name) for name in IncidentOut.model_fields})


def router(database: Database) -> APIRouter:
    """The routes over that database."""
    routes = APIRouter(prefix="/incidents", tags=["incidents"])

    @routes.get("")
    async def list_incidents(
        status: Filter = None, limit: Limit = 50, cursor: Cursor = None
    ) -> Page[IncidentOut]:
        """Incidents, newest first, filtered by status: open, probing or closed."""
        async with database.transaction() as session:
            rows = await store.page(session, status=status, before=cursor, limit=limit)
        return page_of(rows, limit, shape)

    @routes.get("/{incident_id}")
    async def get_incident(incident_id: RowId) -> IncidentOut:
        """One incident with the re-runs that were let through."""
        async with database.transaction() as session:
            row = await store.get(session, incident_id)
        return shape(found(row, "incident", incident_id))

    return routes
