"""Wishes: the buttons of a failure, each with a confirmation, a form's token and the audit."""

from collections.abc import Awaitable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from pipeline_guard.stages.people import person
from pipeline_guard.stages.people.answers import Answer
from pipeline_guard.store import failures
from pipeline_guard.store.tables import Failure
from pipeline_guard.web import forms
from pipeline_guard.web.access import Actor, require
from pipeline_guard.web.api.parameters import RowId, found
from pipeline_guard.web.dashboard.desk import Desk

Act = Annotated[Actor, require("act")]
Fields = Annotated[dict[str, str], Depends(forms.fields)]


def router(desk: Desk) -> APIRouter:
    """One route a button."""
    routes = APIRouter(prefix="/failures/{failure_id}")

    async def meant(failure_id: int) -> Failure:
        async with desk.database.transaction() as session:
            return found(await failures.get(session, failure_id), "failure", failure_id)

    async def said(request: Request, failure_id: int, work: Awaitable[Answer]) -> Response:
        """The answer in place, or without script the page again."""
        answer = await work
        if "hx-request" in request.headers:
            return desk.pages.show(request, "answer.html", answer=answer)
        return RedirectResponse(f"/failures/{failure_id}", 303)

    @routes.post("/retry")
    async def retry(request: Request, failure_id: RowId, actor: Act) -> Response:
        failure = await meant(failure_id)
        work = person.ask_retry(desk.context, failure, actor.name)
        return await said(request, failure_id, work)

    @routes.post("/ignore")
    async def ignore(request: Request, failure_id: RowId, actor: Act) -> Response:
        failure = await meant(failure_id)
        work = person.ask_ignore(desk.context, failure, actor.name)
        return await said(request, failure_id, work)

    @routes.post("/wrong")
    async def wrong(request: Request, failure_id: RowId, actor: Act, fields: Fields) -> Response:
        failure = await meant(failure_id)
        work = person.ask_wrong(desk.context, failure, actor.name, fields.get("category", ""))
        return await said(request, failure_id, work)

    @routes.post("/replay")
    async def replay(request: Request, failure_id: RowId, actor: Act) -> Response:
        failure = await meant(failure_id)
        work = person.ask_replay(desk.context, failure, actor.name)
        return await said(request, failure_id, work)

    return routes
