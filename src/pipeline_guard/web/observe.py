"""Gives every request an id, a span, a line in the log and a place in the metrics."""

import re
import time
import uuid
from collections.abc import MutableMapping
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline_guard.telemetry.telemetry import Telemetry

REQUEST_ID: Final = b"x-request-id"
_SANE: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
"""An id of a proxy before us is kept when it looks like one; it ends up in logs."""
_QUIET: Final = ("/healthz", "/readyz", "/metrics")
"""Asked every few seconds by machines."""
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

log = structlog.get_logger(__name__)


class Observed:
    """The application within, watched; webhooks are counted by their receiver itself."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry, *, webhooks: str) -> None:
        self._app = app
        self._telemetry = telemetry
        self._webhooks = webhooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        watch = _Watch(send, request_id)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        with (
            structlog.contextvars.bound_contextvars(request_id=request_id),
            self._telemetry.tracing.span(
                method, {"http.request.method": method, "request_id": request_id}, kind="server"
            ) as span,
            structlog.contextvars.bound_contextvars(**self._telemetry.tracing.names()),
        ):
            try:
                await self._app(scope, receive, watch.send)
            except Exception as error:
                self._telemetry.metrics.error("web", error)
                raise
            finally:
                route = self._route(scope)
                span.rename(f"{method} {route}")
                span.set("http.route", route)
                span.set("http.response.status_code", watch.status)
                self._tell(method, route, watch, scope)

    def _route(self, scope: Scope) -> str:
        """The route's pattern, never the path itself: that would be a new value for every id."""
        if scope["path"].startswith(self._webhooks):
            return f"{self._webhooks}{{platform}}"
        pattern = getattr(scope.get("route"), "path", None)
        return "other" if pattern is None else _whole(pattern, scope["path"])

    def _tell(self, method: str, route: str, watch: "_Watch", scope: Scope) -> None:
        if not route.startswith(self._webhooks):
            metrics = self._telemetry.metrics
            metrics.requests.labels(method, route, f"{watch.status // 100}xx").inc()
            metrics.request_seconds.labels(route).observe(watch.seconds)
        # Its receiver tells of a delivery; what was none, such as one to no platform, is told here.
        delivery = route.startswith(self._webhooks) and watch.status not in (404, 405)
        quiet = delivery or (route in _QUIET and watch.status < 400)
        level = log.debug if quiet else log.info
        level(
            "request",
            method=method,
            path=scope["path"][:200],
            status=watch.status,
            ms=round(watch.seconds * 1000, 1),
        )


def _whole(pattern: str, path: str) -> str:
    """The pattern with the prefix that its router was included under, which it does not hold."""
    if ":path}" in pattern:  # stands for any number of parts
        return pattern
    parts, own = path.split("/"), pattern.split("/")
    return "/".join(parts[: len(parts) - len(own) + 1]) + pattern


class _Watch:
    """Sees the start of the answer pass by, and puts the request's id on it."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self._started = time.perf_counter()
        self.status = 500
        self.seconds = 0.0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            # Until the answer begins: a stream of events may go on for hours.
            self.seconds = time.perf_counter() - self._started
            headers: list[tuple[bytes, bytes]] = message.setdefault("headers", [])
            headers.append((REQUEST_ID, self._request_id.encode()))
        await self._send(message)


def _request_id(scope: MutableMapping[str, Any]) -> str:
    given = next((value for name, value in scope["headers"] if name == REQUEST_ID), b"")
    text = given.decode("latin-1")
    return text if _SANE.fullmatch(text) else uuid.uuid4().hex
