"""Receive: reads a delivery under a size cap, has it verified, then parsed, then made durable."""

import time
from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.domain.events import Ignored
from pipeline_guard.errors import BadSignature, MalformedDelivery, StoreUnavailable
from pipeline_guard.stages.accept import Acceptor
from pipeline_guard.telemetry.telemetry import Telemetry
from pipeline_guard.web.problems import problem, unavailable

PREFIX = "/webhooks/"
MAX_BODY = 25 * 1024 * 1024
"""Bytes; GitHub's own limit for a payload."""

log = structlog.get_logger(__name__)


class TooLarge(Exception):
    """The body is above the cap."""


class Receiver:
    """The endpoint POST /webhooks/{platform}, an ASGI application of its own.

    It stands before the framework: routing, dependencies and middleware would double the time
    that a delivery spends in this process.
    """

    def __init__(
        self, platforms: Mapping[str, Connected], acceptor: Acceptor, telemetry: Telemetry
    ) -> None:
        self._platforms = platforms
        self._acceptor = acceptor
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one delivery: 202, 200, 400, 401, 404, 405, 413, 415 or 503."""
        response = await self._answer(scope, receive)
        await response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        name = scope["path"].removeprefix(PREFIX)
        connected = self._platforms.get(name)
        if connected is None:
            return problem(404, f"'{name[:40]}' is not a platform that is configured here.")
        if scope["method"] != "POST":
            return problem(405, "Deliveries are sent by POST.")
        metrics, started = self._telemetry.metrics, time.perf_counter()
        response, result = await self._receive(name, connected, Request(scope, receive))
        metrics.webhooks.labels(name, result).inc()
        metrics.webhook_seconds.labels(name).observe(time.perf_counter() - started)
        return response

    async def _receive(
        self, name: str, connected: Connected, request: Request
    ) -> tuple[Response, str]:
        try:
            return await self._take(name, connected, request)
        except TooLarge:
            return problem(413, f"The delivery is larger than {MAX_BODY} bytes."), "rejected"
        except ClientDisconnect:
            return problem(400, "The delivery ended before its end."), "rejected"
        except BadSignature as error:
            return problem(401, str(error)), "unauthorized"
        except MalformedDelivery as error:
            return problem(400, str(error)), "malformed"
        except StoreUnavailable as error:
            log.warning("delivery_not_stored", platform=name, error=str(error))
            return unavailable("The database is away; send it again."), "unavailable"

    async def _take(
        self, name: str, connected: Connected, request: Request
    ) -> tuple[Response, str]:
        headers = {
            key.decode("latin-1").lower(): value.decode("latin-1")
            for key, value in request.headers.raw
        }
        if not _is_json(headers.get("content-type", "application/json")):
            return problem(415, "Set the webhook's content type to application/json."), "rejected"
        body = await _read(request)
        connected.reader.verify(headers, body)
        parsed = connected.reader.parse(headers, body)
        if isinstance(parsed.outcome, Ignored):
            return _ok("ignored", reason=parsed.outcome.reason), "ignored"
        accepted = await self._acceptor.accept(name, parsed)
        if accepted.status == "duplicate":
            return _ok("duplicate"), "duplicate"
        return _json(202, {"delivery": accepted.delivery, "status": "accepted"}), "accepted"


async def _read(request: Request) -> bytes:
    """The whole body; stops as soon as it is known to be too large."""
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > MAX_BODY:
        raise TooLarge
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise TooLarge
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _json(code: int, content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), code, media_type="application/json")


def _ok(status: str, **more: str) -> Response:
    return _json(200, {"status": status, **more})
