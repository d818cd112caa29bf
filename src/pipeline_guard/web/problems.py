"""Every error as RFC 9457 tells it, as application/problem+json; for people as a page."""

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from pipeline_guard.errors import StoreUnavailable
from pipeline_guard.web.dashboard.page import Pages

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 10
_LATER: Final = {"Retry-After": str(RETRY_AFTER_SECONDS)}

log = structlog.get_logger(__name__)


def problem(
    status: int, detail: str, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """An error as a JSON object: its kind in words, its status, and what to do about it."""
    body = {"type": "about:blank", "title": _title(status), "status": status, "detail": detail}
    return JSONResponse(body | more, status, headers, media_type=MEDIA_TYPE)


def told(
    pages: Pages,
    request: Request,
    status: int,
    detail: str,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    """An error as whoever asked reads it: a browser as a page, everything else as `problem`."""
    if not _reads_pages(request):
        return problem(status, detail, headers, **more)
    page = pages.show(request, "error.html", status, title=_title(status), detail=detail)
    page.headers.update(headers or {})
    return page


def unavailable(detail: str) -> Response:
    """503, to be tried again in a moment."""
    return problem(503, detail, dict(_LATER))


def try_later(pages: Pages, request: Request, detail: str) -> Response:
    """The same, as whoever asked reads it."""
    return told(pages, request, 503, detail, dict(_LATER))


def register(app: FastAPI, pages: Pages) -> None:
    """Have the application answer so, whatever goes wrong."""

    @app.exception_handler(HTTPException)
    async def said_no(request: Request, error: HTTPException) -> Response:
        lost = error.status_code == HTTPStatus.UNAUTHORIZED and request.method == "GET"
        if lost and _reads_pages(request):
            return RedirectResponse(f"/login?{urlencode({'next': _here(request)})}", 303)
        headers = dict(error.headers or {})
        return told(pages, request, error.status_code, str(error.detail), headers)

    @app.exception_handler(RequestValidationError)
    async def not_understood(request: Request, error: RequestValidationError) -> Response:
        errors = [
            {"in": ".".join(str(part) for part in item["loc"]), "detail": item["msg"]}
            for item in error.errors()
        ]
        said = "; ".join(f"{item['in']}: {item['detail']}" for item in errors)
        return told(pages, request, 422, said, errors=errors)

    @app.exception_handler(StoreUnavailable)
    async def away(request: Request, error: StoreUnavailable) -> Response:
        return try_later(pages, request, str(error))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        log.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
        detail = "Something is broken here; the service's log tells what."
        return told(pages, request, 500, detail)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _reads_pages(request: Request) -> bool:
    """A browser on its way to a page, as opposed to a script or a call of the page's own."""
    asks = "text/html" in request.headers.get("accept", "")
    return asks and not request.scope["path"].startswith(("/api/", "/webhooks/"))


def _here(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
