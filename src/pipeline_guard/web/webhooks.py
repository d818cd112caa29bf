"""Receive: reads a delivery under a size cap, has it verified, then parsed, then made durable."""

from collections.abc import Mapping

import structlog
from prometheus_client import Counter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.domain.events import Ignored
from pipeline_guard.errors import BadSignature, MalformedDelivery, StoreUnavailable
from pipeline_guard.stages.accept import Acceptor

MAX_BODY = 25 * 1024 * 1024
"""Bytes; GitHub's own limit for a payload."""
RETRY_AFTER_SECONDS = 10

log = structlog.get_logger(__name__)


class TooLarge(Exception):
    """The body is above the cap."""


class Receiver:
    """The endpoint POST /webhooks/{platform}."""

    def __init__(
        self, platforms: Mapping[str, Connected], acceptor: Acceptor, counter: Counter
    ) -> None:
        self._platforms = platforms
        self._acceptor = acceptor
        self._counter = counter

    async def handle(self, request: Request) -> Response:
        """Answer one delivery; see CONTRACT for the codes."""
        name: str = request.path_params["platform"]
        connected = self._platforms.get(name)
        if connected is None:
            return _problem(404, f"'{name[:40]}' is not a platform that is configured here.")
        response, result = await self._receive(name, connected, request)
        self._counter.labels(platform=name, result=result).inc()
        return response

    async def _receive(
        self, name: str, connected: Connected, request: Request
    ) -> tuple[Response, str]:
        try:
            return await self._take(name, connected, request)
        except TooLarge:
            return _problem(413, f"The delivery is larger than {MAX_BODY} bytes."), "rejected"
        except ClientDisconnect:
            return _problem(400, "The delivery ended before its end."), "rejected"
        except BadSignature as error:
            return _problem(401, str(error)), "unauthorized"
        except MalformedDelivery as error:
            return _problem(400, str(error)), "malformed"
        except StoreUnavailable as error:
            log.warning("delivery_not_stored", platform=name, error=str(error))
            response = _problem(503, "The database is away; send it again.")
            response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
            return response, "unavailable"

    async def _take(
        self, name: str, connected: Connected, request: Request
    ) -> tuple[Response, str]:
        headers = {
            key.decode("latin-1").lower(): value.decode("latin-1")
            for key, value in request.headers.raw
        }
        if not _is_json(headers.get("content-type", "application/json")):
            return _problem(415, "Set the webhook's content type to application/json."), "rejected"
        body = await _read(request)
        connected.reader.verify(headers, body)
        parsed = connected.reader.parse(headers, body)
        if isinstance(parsed.outcome, Ignored):
            return _ok("ignored", reason=parsed.outcome.reason), "ignored"
        accepted = await self._acceptor.accept(name, parsed)
        if accepted.status == "duplicate":
            return _ok("duplicate"), "duplicate"
        return JSONResponse({"delivery": accepted.delivery, "status": "accepted"}, 202), "accepted"


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


def _ok(status: str, **more: str) -> Response:
    return JSONResponse({"status": status, **more})


def _problem(code: int, reason: str) -> Response:
    return JSONResponse({"status": "rejected", "reason": reason}, code)
