"""Switches on the dashboard: one form that switches healing off or on, from page Settings."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from fastapi.responses import RedirectResponse, Response

from pipeline_guard.web import forms
from pipeline_guard.web.access import Actor, require
from pipeline_guard.web.api import switches as api
from pipeline_guard.web.dashboard.desk import Desk

Act = Annotated[Actor, require("act")]
Fields = Annotated[dict[str, str], Depends(forms.fields)]


def router(desk: Desk) -> APIRouter:
    """The route of the form."""
    routes = APIRouter()

    @routes.post("/switches")
    async def turn(actor: Act, fields: Fields) -> Response:
        platform, repository = fields.get("platform", ""), fields.get("repository", "").strip()
        if not re.match(api.PLATFORM, platform) or not _is_name(repository):
            raise HTTPException(422, f"'{repository}' names no repository of '{platform}'.")
        if fields.get("off") not in ("yes", "no"):
            raise HTTPException(422, "'off' is 'yes' or 'no'.")
        off = fields["off"] == "yes"
        await api.turn(desk.database, platform, repository, actor.name, off=off)
        return RedirectResponse("/settings#switches", 303)

    return routes


def _is_name(repository: str) -> bool:
    return len(repository) <= api.LONGEST and re.match(api.REPOSITORY, repository) is not None
