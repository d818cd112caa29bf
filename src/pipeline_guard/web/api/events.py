"""GET /api/v1/events: what changes, as it changes, as server-sent events."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store import failures, incidents
from pipeline_guard.store.changes import Changed
from pipeline_guard.web.api.incidents import shape
from pipeline_guard.web.live import Client, Live, Told

RETRY_MS = 2_000
"""How long a client waits before it comes back."""
LONGEST_SECONDS = 900.0
"""A stream ends after so long: who comes back for the next one must still be let in."""
TOLD = (
    "id",
    "platform",
    "repository",
    "workflow",
    "run_id",
    "run_attempt",
    "job",
    "branch",
    "commit",
    "request_number",
    "category",
    "confidence",
    "transient",
    "fingerprint",
    "status",
    "rerun_passed",
    "url",
)
"""Of a failure; the rest is one GET away."""


def router(live: Live) -> APIRouter:
    """The route over that source of changes."""
    routes = APIRouter(tags=["events"])

    async def client() -> AsyncIterator[Client]:
        if live.full:
            raise HTTPException(503, "Too many streams are open.", headers={"Retry-After": "30"})
        with live.client() as opened:
            yield opened

    @routes.get("/events", response_class=EventSourceResponse)
    async def events(
        client: Annotated[Client, Depends(client)],
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> AsyncIterator[ServerSentEvent]:
        """Failures and incidents that are new or have changed, with a comment as heartbeat.

        `event` is `failure`, `incident`, or `reset` when so much was missed that everything is
        to be read anew. Send the last event's id as `Last-Event-ID` to go on behind it; an event
        may come twice.
        """
        yield ServerSentEvent(comment="ready", retry=RETRY_MS)
        if last_event_id and last_event_id.isascii() and last_event_id.isdigit():
            missed = await live.missed(min(int(last_event_id), 2**62))
            if missed is None:
                yield ServerSentEvent(event="reset", data={})
            for told in missed or ():
                yield _event(told)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_SECONDS):
                async for told in client:
                    yield _event(told)

    return routes


def _event(told: Told) -> ServerSentEvent:
    return ServerSentEvent(event=told.kind, data=told.data, id=str(told.id))


async def describe(session: AsyncSession, changed: Changed) -> dict[str, Any]:
    """What is told of a change: its thing in short, or its id alone when it is gone."""
    if changed.kind == "incident":
        incident = await incidents.get(session, changed.subject)
        return shape(incident).model_dump(mode="json") if incident else {"id": changed.subject}
    failure = await failures.get(session, changed.subject)
    if failure is None:
        return {"id": changed.subject}
    return {name: getattr(failure, name) for name in TOLD}
