"""Every error as RFC 9457 tells it, as application/problem+json; pages send to the sign-in."""

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from pipeline_guard.errors import StoreUnavailable

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 10

log = structlog.get_logger(__name__)


def problem(
    status: int, detail: str, headers: dict[str, str] | None = None, **more: Any
) -> Response:
    """An error as a JSON object: its kind in words, its status, and what to do about it."""
    body = {"type": "about:blank", "title": _title(status), "status": status, "detail": detail}
    return JSONResponse(body | more, status, headers, media_type=MEDIA_TYPE)


def unavailable(detail: str) -> Response:
    """503, to be tried again in a moment."""
    return problem(503, detail, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def register(app: FastAPI) -> None:
    """Have the application answer so, whatever goes wrong."""

    @app.exception_handler(HTTPException)
    async def said_no(request: Request, error: HTTPException) -> Response:
        if error.status_code == HTTPStatus.UNAUTHORIZED and _reads_pages(request):
            return RedirectResponse(f"/login?{urlencode({'next': _here(request)})}", 303)
        return problem(error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def not_understood(_: Request, error: RequestValidationError) -> Response:
        errors = [
            {"in": ".".join(str(part) for part in item["loc"]), "detail": item["msg"]}
            for item in error.errors()
        ]
        told = "; ".join(f"{item['in']}: {item['detail']}" for item in errors)
        return problem(422, told, errors=errors)

    @app.exception_handler(StoreUnavailable)
    async def away(_: Request, error: StoreUnavailable) -> Response:
        return unavailable(str(error))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        log.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
        return problem(500, "Something is broken here; the service's log tells what.")


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _reads_pages(request: Request) -> bool:
    """A browser on its way to a page, as opposed to a script or a call of the page's own."""
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")


def _here(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
