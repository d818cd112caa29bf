"""Signing in to the dashboard with a token, and signing out."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline_guard.store import audit, sign_ins
from pipeline_guard.store.session import Database
from pipeline_guard.store.tokens import digest
from pipeline_guard.web import forms
from pipeline_guard.web.access import (
    Access,
    check_form,
    cookie_name,
    is_secure,
    known_actor,
    set_cookie,
)
from pipeline_guard.web.dashboard.page import Pages


def router(access: Access, pages: Pages, database: Database, *, with_provider: bool) -> APIRouter:
    """The routes; they are open to everybody, as the way in must be."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/login", response_class=HTMLResponse)
    async def page(
        request: Request,
        next: str = "/",  # noqa: A002 (as in the URL)
    ) -> Response:
        if await known_actor(request) is not None:
            return RedirectResponse(inside(next), 303)
        return ask(request, pages, next, with_provider=with_provider)

    @routes.post("/login", response_class=HTMLResponse)
    async def take(
        request: Request, fields: Annotated[dict[str, str], Depends(forms.fields)]
    ) -> Response:
        # No form token here: to sign somebody in takes a token of one's own, and what they then
        # do stands in the audit under that token's name.
        token, following = fields.get("token", "").strip(), inside(fields.get("next", "/"))
        found = await access.of_token(token)
        if found is None:
            said = "That token opens nothing here. Was it revoked?"
            return ask(request, pages, following, 401, said, with_provider=with_provider)
        async with database.transaction() as session:
            audit.record(session, found[0], "signed_in", "dashboard", {"scope": found[1]})
        cookie = await access.sign_in(*found, basis=digest(token))
        return signed_in(request, cookie, following)

    @routes.post("/logout")
    async def leave(request: Request) -> Response:
        actor = await known_actor(request)
        if actor is not None:
            await check_form(request, actor)
            await access.sign_out(request)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(cookie_name(request), secure=is_secure(request), httponly=True)
        return answer

    return routes


def ask(
    request: Request,
    pages: Pages,
    following: str,
    status: int = 200,
    said: str | None = None,
    *,
    with_provider: bool,
) -> Response:
    """The page that asks who it is, with what was wrong the last time."""
    values = {
        "next": inside(following),
        "problem": said,
        "with_provider": with_provider,
        "plain": request.url.scheme == "http" and is_secure(request),
    }
    return pages.show(request, "login.html", status, **values)


def signed_in(request: Request, cookie: str, following: str) -> Response:
    """Hand the browser its cookie and send it on to where it wanted to go."""
    answer = RedirectResponse(inside(following), 303)
    set_cookie(request, answer, cookie_name(request), cookie, sign_ins.LIFETIME)
    return answer


def inside(path: str) -> str:
    """The path when it is one of this site, else the first page: no link leads elsewhere."""
    safe = path.startswith("/") and not path.startswith("//")
    return path if safe and path.isprintable() and "\\" not in path else "/"
