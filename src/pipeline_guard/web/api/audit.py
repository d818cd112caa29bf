"""GET /api/v1/audit: who did what, and the whole of it as a file."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final, Literal

import orjson
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel

from pipeline_guard.store import audit as store
from pipeline_guard.store.session import Database
from pipeline_guard.store.tables import Audit
from pipeline_guard.web.api.parameters import Cursor, Filter, Limit, Page, page_of
from pipeline_guard.web.tabular import csv_line

Format = Literal["jsonl", "csv"]
_MEDIA: Final[dict[Format, str]] = {"jsonl": "application/jsonl", "csv": "text/csv"}


class AuditOut(BaseModel):
    """One thing that the bot or a person did."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any]


def shape(entry: Audit) -> AuditOut:
    """A stored entry as the API shows it."""
    return AuditOut(**{name: getattr(entry, name) for name in AuditOut.model_fields})


async def exported(
    database: Database, as_: Format, since: datetime | None = None
) -> AsyncIterator[str]:
    """The whole audit, oldest first, line by line; CSV begins with the names of its columns."""
    if as_ == "csv":
        yield csv_line(list(AuditOut.model_fields))
    async for entry in store.everything(database, since=since):
        item = shape(entry)
        if as_ == "jsonl":
            yield orjson.dumps(item.model_dump()).decode() + "\n"
        else:
            details = orjson.dumps(item.details).decode()
            told = [item.actor, item.action, item.subject]
            yield csv_line([str(item.id), item.at.isoformat(), *told, details])


def router(database: Database) -> APIRouter:
    """The routes over that database."""
    routes = APIRouter(prefix="/audit", tags=["audit"])

    @routes.get("")
    async def list_audit(
        actor: Filter = None,
        action: Filter = None,
        subject: Filter = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[AuditOut]:
        """What was done, newest first, filtered by who, what and to which thing."""
        async with database.transaction() as session:
            rows = await store.page(
                session, actor=actor, action=action, subject=subject, before=cursor, limit=limit
            )
        return page_of(rows, limit, shape)

    @routes.get("/export", response_class=StreamingResponse)
    async def export_audit(
        format: Format = "jsonl",  # noqa: A002 (the parameter's name in the URL)
        since: AwareDatetime | None = None,
    ) -> StreamingResponse:
        """The whole audit, oldest first, as JSON lines or CSV."""
        name = {"content-disposition": f'attachment; filename="audit.{format}"'}
        lines = exported(database, format, since)
        return StreamingResponse(lines, media_type=_MEDIA[format], headers=name)

    return routes
