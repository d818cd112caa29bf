"""GET /api/v1/failures: what went red, why, and what was done about it."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from pipeline_guard.store import failures as store
from pipeline_guard.store.session import Database
from pipeline_guard.store.tables import Failure
from pipeline_guard.web.api.parameters import Cursor, Filter, Limit, Page, RowId, found, page_of


class EvidenceOut(BaseModel):
    """One telling line of the log."""

    line: int
    text: str
    part: str | None = None


class ActionOut(BaseModel):
    """One thing that was done."""

    kind: str
    status: str
    outcome: str | None
    url: str | None
    note: str | None
    at: datetime


class LabelOut(BaseModel):
    """What a person says the cause really is."""

    category: str
    author: str
    at: datetime


class FailureOut(BaseModel):
    """One failed job of one run attempt."""

    id: int
    platform: str
    repository: str
    workflow: str
    run_id: str
    run_attempt: int
    job: str
    job_id: str
    url: str | None
    branch: str | None
    commit: str | None
    request_number: int | None
    category: str
    confidence: float
    source: str
    rule: str | None
    transient: bool
    evidence: list[EvidenceOut]
    fingerprint: str
    failed_tests: list[str]
    candidates: list[dict[str, Any]]
    notes: list[str]
    status: str
    rerun_passed: bool | None
    plan: dict[str, Any]
    actions: list[ActionOut]
    labels: list[LabelOut]
    created_at: datetime
    updated_at: datetime


def shape(failure: Failure) -> FailureOut:
    """A stored failure as the API shows it."""
    diagnosis = failure.diagnosis
    columns = {
        name: getattr(failure, name)
        for name in FailureOut.model_fields
        if name not in ("evidence", "failed_tests", "candidates", "notes", "actions", "labels")
    }
    return FailureOut(
        **columns,
        evidence=diagnosis["evidence"],
        failed_tests=diagnosis["failed_tests"],
        candidates=diagnosis["candidates"],
        notes=diagnosis["notes"],
        actions=[
            ActionOut(
                kind=item.kind,
                status=item.status,
                outcome=item.outcome,
                url=item.url,
                note=item.note,
                at=item.finished_at or item.created_at,
            )
            for item in failure.actions
        ],
        labels=[
            LabelOut(category=item.category, author=item.author, at=item.created_at)
            for item in failure.labels
        ],
    )


def router(database: Database) -> APIRouter:
    """The routes over that database."""
    routes = APIRouter(prefix="/failures", tags=["failures"])

    @routes.get("")
    async def list_failures(
        repository: Filter = None,
        category: Filter = None,
        status: Filter = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[FailureOut]:
        """Failures, newest first, filtered by repository, category and status."""
        async with database.transaction() as session:
            rows = await store.page(
                session,
                repository=repository,
                category=category,
                status=status,
                before=cursor,
                limit=limit,
            )
        return page_of(rows, limit, shape)

    @routes.get("/{failure_id}")
    async def get_failure(failure_id: RowId) -> FailureOut:
        """One failure with its plan and actions."""
        async with database.transaction() as session:
            row = await store.get(session, failure_id)
        return shape(found(row, "failure", failure_id))

    return routes
