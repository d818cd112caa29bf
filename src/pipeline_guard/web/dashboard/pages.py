"""The dashboard's pages: what went red lately, and one failure in full."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.templating import Jinja2Templates

from pipeline_guard.store import failures as store
from pipeline_guard.store import figures
from pipeline_guard.store.session import Database

HERE = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:;"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
WORDS = {
    "healed": "healed by a re-run",
    "healing": "being re-run",
    "open": "needs a person",
    "escalated": "still red, needs a person",
    "observed": "observed only",
    "superseded": "a newer commit came",
    "ignored": "ignored",
}


def router(database: Database) -> APIRouter:
    """The pages over that database."""
    routes = APIRouter(include_in_schema=False)
    templates = Jinja2Templates(HERE / "templates")
    templates.env.globals["words"] = WORDS
    templates.env.filters["safe_url"] = safe_url

    def page(request: Request, name: str, **values: Any) -> HTMLResponse:
        return templates.TemplateResponse(request, name, values, headers=HEADERS)

    @routes.get("/", response_class=HTMLResponse)
    async def now(request: Request) -> HTMLResponse:
        async with database.transaction() as session:
            rows = await store.page(session, limit=50)
            stats = await figures.stats(session)
        return page(request, "now.html", failures=rows, stats=stats)

    @routes.get("/failures/{failure_id}", response_class=HTMLResponse)
    async def one(request: Request, failure_id: int) -> HTMLResponse:
        async with database.transaction() as session:
            row = await store.get(session, failure_id) if 0 < failure_id < 2**63 else None
        if row is None:
            raise HTTPException(404, f"There is no failure {failure_id}.")
        return page(request, "failure.html", failure=row)

    @routes.get("/static/dashboard.css")
    async def style() -> FileResponse:
        return FileResponse(HERE / "static" / "dashboard.css", media_type="text/css")

    return routes


def safe_url(url: str | None) -> str | None:
    """A link from a platform only when it is one: never another scheme such as javascript."""
    return url if url and url.startswith(("https://", "http://")) else None
