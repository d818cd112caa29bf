"""Signing in by way of a provider: there with a state, back with a code."""

import hmac
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from pipeline_guard.store import audit, tickets
from pipeline_guard.store.session import Database
from pipeline_guard.web.access import OIDC, Access, set_cookie
from pipeline_guard.web.dashboard.page import Pages
from pipeline_guard.web.oidc import Provider, SignInRefused
from pipeline_guard.web.signin import ask, inside, signed_in

CALLBACK: Final = "/login/oidc/callback"
_COOKIE: Final = "guard-sign-in"
_TIME_TO_SIGN_IN: Final = timedelta(minutes=10)


def router(
    access: Access, pages: Pages, database: Database, provider: Provider, public_url: str | None
) -> APIRouter:
    """The routes; a refusal leads back to the sign-in page, which tells it."""
    routes = APIRouter(include_in_schema=False)

    def redirect_uri(request: Request) -> str:
        return f"{public_url or str(request.base_url).rstrip('/')}{CALLBACK}"

    def refuse(request: Request, refused: SignInRefused) -> Response:
        return ask(request, pages, "/", 403, str(refused), with_provider=True)

    @routes.get("/login/oidc")
    async def go(request: Request, next: str = "/") -> Response:  # noqa: A002 (as in the URL)
        known = _to_come_back_with(next)
        async with database.transaction() as session:
            state = await tickets.issue(session, OIDC, known, _TIME_TO_SIGN_IN)
        try:
            url = await provider.start(
                redirect_uri(request), state, known["nonce"], known["verifier"]
            )
        except SignInRefused as refused:
            return refuse(request, refused)
        answer = RedirectResponse(url, 303)
        # Only the browser that began may end it: else a link could sign somebody in as another.
        set_cookie(request, answer, _COOKIE, state, _TIME_TO_SIGN_IN, CALLBACK)
        return answer

    @routes.get(CALLBACK)
    async def come_back(request: Request) -> Response:
        try:
            known = await _begun(database, request.cookies.get(_COOKIE, ""), request.query_params)
            code = request.query_params.get("code", "")
            person = await provider.finish(
                redirect_uri(request), code, known["nonce"], known["verifier"]
            )
        except SignInRefused as refused:
            return refuse(request, refused)
        async with database.transaction() as session:
            details = {"subject": person.subject, "scope": person.scope}
            audit.record(session, f"{OIDC}:{person.name}", "signed_in", "dashboard", details)
        cookie = await access.sign_in(f"{OIDC}:{person.name}", person.scope, OIDC)
        answer = signed_in(request, cookie, known["next"])
        answer.delete_cookie(_COOKIE, path=CALLBACK)
        return answer

    return routes


def _to_come_back_with(following: str) -> dict[str, str]:
    """What is remembered of a sign-in while the browser is away."""
    return {
        "nonce": secrets.token_urlsafe(32),
        "verifier": secrets.token_urlsafe(48),
        "next": inside(following),
    }


async def _begun(database: Database, cookie: str, query: Mapping[str, str]) -> dict[str, str]:
    """What was remembered when this browser set out; raises SignInRefused."""
    state = query.get("state", "")
    if not state or not hmac.compare_digest(state.encode(), cookie.encode()):
        raise SignInRefused("This sign-in was not begun in this browser. Begin again.")
    async with database.transaction() as session:
        known = await tickets.redeem(session, OIDC, state)
    if known is None:
        raise SignInRefused("This sign-in took too long, or was done already. Begin again.")
    if "error" in query:
        raise SignInRefused("The sign-in provider did not let you in.")
    return known
