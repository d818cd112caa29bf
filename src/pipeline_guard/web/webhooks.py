"""Receive: reads a delivery under a size cap, has it verified, then parsed, then made durable."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
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
        answer = await self._receive(name, connected, Request(scope, receive))
        metrics.webhooks.labels(name, answer.result).inc()
        metrics.webhook_seconds.labels(name).observe(time.perf_counter() - started)
        tell = log.warning if answer.result == "unavailable" else log.info
        tell("delivery_received", platform=name, result=answer.result, **answer.told)
        return answer.response

    async def _receive(self, name: str, connected: Connected, request: Request) -> "_Answer":
        try:
            return await self._take(name, connected, request)
        except TooLarge:
            return _refused(413, "rejected", f"The delivery is larger than {MAX_BODY} bytes.")
        except ClientDisconnect:
            return _refused(400, "rejected", "The delivery ended before its end.")
        except BadSignature as error:
            return _refused(401, "unauthorized", str(error))
        except MalformedDelivery as error:
            return _refused(400, "malformed", str(error))
        except StoreUnavailable as error:
            response = unavailable("The database is away; send it again.")
            return _Answer(response, "unavailable", {"reason": str(error)})

    async def _take(self, name: str, connected: Connected, request: Request) -> "_Answer":
        headers = {
            key.decode("latin-1").lower(): value.decode("latin-1")
            for key, value in request.headers.raw
        }
        if not _is_json(headers.get("content-type", "application/json")):
            return _refused(415, "rejected", "Set the webhook's content type to application/json.")
        body = await _read(request)
        connected.reader.verify(headers, body)
        parsed = connected.reader.parse(headers, body)
        told: dict[str, object] = {
            "event_name": parsed.event_name[:80],
            "delivery_id": parsed.delivery_id,
        }
        if isinstance(parsed.outcome, Ignored):
            reason = parsed.outcome.reason
            return _Answer(_ok("ignored", reason=reason), "ignored", {**told, "reason": reason})
        accepted = await self._acceptor.accept(name, parsed)
        if accepted.status == "duplicate":
            return _Answer(_ok("duplicate"), "duplicate", told)
        response = _json(202, {"delivery": accepted.delivery, "status": "accepted"})
        return _Answer(response, "accepted", {**told, "delivery": accepted.delivery})


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the sender is answered, what the metric counts, and what the log tells beside it."""

    response: Response
    result: str
    told: Mapping[str, object]


def _refused(code: int, result: str, reason: str) -> _Answer:
    return _Answer(problem(code, reason), result, {"status": code, "reason": reason})


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
