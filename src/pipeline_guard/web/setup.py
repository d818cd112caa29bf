"""GET /setup: registers a GitHub App in two clicks, for who holds the one-time setup token."""

import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline_guard.errors import ConfigError, PlatformError
from pipeline_guard.platforms.github import registration as github
from pipeline_guard.stages.upkeep.registrations import SETUP, Registrations
from pipeline_guard.store import audit, tickets
from pipeline_guard.store.session import Database
from pipeline_guard.web import forms
from pipeline_guard.web.access import Actor, require, set_cookie
from pipeline_guard.web.dashboard.page import Pages
from pipeline_guard.web.headers import policy

BACK: Final = "/setup/github"
ACTOR: Final = "setup-token"
_STATE: Final = "setup-state"
_COOKIE: Final = "guard-setup"
_TIME_TO_REGISTER: Final = timedelta(hours=1)
_NOT_GOOD: Final = (
    "That setup token is not good, was used, or is older than an hour. Make another:"
    " pipeline-guard setup-token"
)


class _NotNow(Exception):
    """Why it does not go on, in a sentence."""


def router(registrations: Registrations, pages: Pages, database: Database) -> APIRouter:
    """The routes; they are open, since what they do takes a setup token."""
    routes = APIRouter(include_in_schema=False)
    settings = registrations.settings

    def show(request: Request, status: int = 200, **values: Any) -> HTMLResponse:
        known = {
            "configured": github.configured(settings),
            "connected": not registrations.wanted,
            "public_url": settings.public_url or str(request.base_url).rstrip("/"),
        }
        return pages.show(request, "setup.html", status, **(known | values))

    @routes.get("/setup", response_class=HTMLResponse)
    async def ask(request: Request, token: str = "") -> Response:
        return show(request, token=token)

    @routes.post("/setup", response_class=HTMLResponse)
    async def begin(
        request: Request, fields: Annotated[dict[str, str], Depends(forms.fields)]
    ) -> Response:
        public_url = fields.get("public_url", "").strip().rstrip("/")
        try:
            state = await _begin(database, fields.get("token", ""), public_url)
        except _NotNow as problem:
            return show(request, 403, problem=str(problem), token=fields.get("token", ""))
        url = github.form_url(settings.github_api_url, fields.get("organisation", ""), state)
        made = github.manifest(public_url, f"{public_url}{BACK}")
        answer = show(
            request, form_url=url, manifest=orjson.dumps(made).decode(), public_url=public_url
        )
        # The one form of this site that leads elsewhere, and only there.
        answer.headers["Content-Security-Policy"] = policy(
            form_action=f"'self' {github.web_url(settings.github_api_url)}"
        )
        set_cookie(request, answer, _COOKIE, state, _TIME_TO_REGISTER, BACK)
        return answer

    @routes.get(BACK, response_class=HTMLResponse)
    async def come_back(request: Request) -> Response:
        try:
            await _check_state(database, request.cookies.get(_COOKIE, ""), request.query_params)
            code = request.query_params.get("code", "")
            app = await github.exchange(settings.github_api_url, code)
            await registrations.keep(app, ACTOR)
        except (_NotNow, PlatformError, ConfigError) as problem:
            return show(request, 403, problem=str(problem))
        return show(request, app=app)

    return routes


def invitation(registrations: Registrations, database: Database) -> APIRouter:
    """The button on Settings: an admin needs no command line to come by a setup token."""

    routes = APIRouter(include_in_schema=False)

    @routes.post("/setup/invite")
    async def invite(actor: Annotated[Actor, require("admin")]) -> Response:
        async with database.transaction() as session:
            audit.record(session, actor.name, "setup_token.created", "github", {})
        return RedirectResponse(f"/setup?token={await registrations.setup_token()}", 303)

    return routes


async def _begin(database: Database, token: str, public_url: str) -> str:
    """Take the setup token for a state to come back with; raises _NotNow."""
    parts = urlsplit(public_url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise _NotNow("The address must be one like https://guard.example.org.")
    async with database.transaction() as session:
        if await tickets.redeem(session, SETUP, token.strip()) is None:
            raise _NotNow(_NOT_GOOD)
        return await tickets.issue(session, _STATE, {}, _TIME_TO_REGISTER)


async def _check_state(database: Database, cookie: str, query: Mapping[str, str]) -> None:
    """Raise _NotNow unless it was begun here, in this browser, and is not done yet."""
    state = query.get("state", "")
    if not state or not hmac.compare_digest(state.encode(), cookie.encode()):
        raise _NotNow("This registration was not begun in this browser. Begin again at /setup.")
    async with database.transaction() as session:
        if await tickets.redeem(session, _STATE, state) is None:
            raise _NotNow("This registration took too long, or was done already.")
