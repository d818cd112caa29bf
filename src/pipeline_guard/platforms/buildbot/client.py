"""All of Buildbot's HTTP: its data API, the session login, and every answer told as our errors."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import httpx
import stamina

from pipeline_guard.domain.statuses import come_back, kind_of, server_date
from pipeline_guard.errors import (
    NotAuthorized,
    NotFound,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    Rejected,
)
from pipeline_guard.telemetry.calls import Calls

Params = Mapping[str, str | int | list[str] | list[int]]

#: Seconds. A log is read in pieces, so the read limit is per piece.
TIMEOUT: Final = httpx.Timeout(20.0, connect=5.0)
_REFUSED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class BuildbotClient:
    """One Buildbot master's web API; `url` is its `buildbotURL`, with or without a path."""

    def __init__(
        self,
        url: str,
        *,
        user: str | None = None,
        password: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        calls: Calls | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.user = user
        self._calls = calls or Calls("buildbot")
        self._auth = httpx.BasicAuth(user, password) if user and password else None
        self._logged_in = self._auth is None
        self._login_lock = asyncio.Lock()
        self._http = httpx.AsyncClient(
            base_url=self.url + "/",
            timeout=TIMEOUT,
            transport=transport,
            headers={"accept": "application/json"},
            follow_redirects=False,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def rows(self, path: str, params: Params | None = None) -> list[dict[str, Any]]:
        """The resources at a path of `/api/v2`; raises a PlatformError, after a few tries."""
        return (await self.page(path, params))[0]

    async def row(self, path: str, params: Params | None = None) -> dict[str, Any]:
        """The one resource at a path; raises NotFound when there is none."""
        found = await self.rows(path, params)
        if not found:
            raise NotFound(f"Buildbot has no {path}", status=404)
        return found[0]

    async def page(
        self, path: str, params: Params | None = None
    ) -> tuple[list[dict[str, Any]], int | None]:
        """The resources at a path and how many there are beyond the asked limit, if told."""
        async for attempt in _patiently():
            with attempt:
                async with self._open("GET", path, params=params) as response:
                    await response.aread()
        return _resources(response)

    async def date(self) -> datetime | None:
        """The master's clock, as its answers tell it."""
        async for attempt in _patiently():
            with attempt:
                async with self._open("GET", "builders", params={"limit": 1}) as response:
                    await response.aread()
        return server_date(response.headers)

    async def control(self, path: str, method: str) -> Any:
        """Call a control method (JSON-RPC 2.0) once, never twice; its result.

        Raises PlatformUnavailable when no answer came: the call may have been carried out.
        """
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}
        async with self._open("POST", path, json=call) as response:
            await response.aread()
        try:
            return response.json()["result"]
        except (ValueError, KeyError, TypeError):
            raise Rejected(f"Buildbot's answer to {method} holds no result") from None

    async def raw_log(self, logid: int) -> AsyncIterator[bytes]:
        """A log's text in chunks, without the stream letters of `contents`."""
        async with AsyncExitStack() as stack:
            async for attempt in _patiently():
                with attempt:
                    response = await stack.enter_async_context(
                        self._open("GET", f"logs/{logid}/raw")
                    )
            async for chunk in response.aiter_bytes():
                yield chunk

    @asynccontextmanager
    async def _open(self, verb: str, path: str, **options: Any) -> AsyncIterator[httpx.Response]:
        """A successful response, still unread; logs in when that is asked for."""
        await self._login(again=False)
        response = await self._send(verb, f"api/v2/{path}", **options)
        try:
            if response.status_code in _REFUSED and self._auth is not None:
                await response.aclose()  # the session may have run out
                await self._login(again=True)
                response = await self._send(verb, f"api/v2/{path}", **options)
            if not response.is_success:
                await response.aread()
                raise _error(response, path)
            yield response
        except httpx.HTTPError as error:
            raise PlatformUnavailable(f"Buildbot's {path} broke off: {error!r}") from error
        finally:
            await response.aclose()

    async def _send(self, verb: str, path: str, **options: Any) -> httpx.Response:
        request = self._http.build_request(verb, path, **options)
        is_log = path.startswith("api/v2/logs/") and path.endswith("/raw")
        with self._calls.call(verb, request.url.path, log=is_log) as call:
            try:
                response = await self._http.send(request, stream=True, auth=self._auth)
            except httpx.TransportError as error:
                raise PlatformUnavailable(
                    f"Buildbot at {self.url} did not answer: {error!r}"
                ) from error
            call.answered(response.status_code, response.headers)
            return response

    async def _login(self, *, again: bool) -> None:
        """Trade user and password for a session cookie: Buildbot's own scheme.

        A success is a redirect to the first page. A master without a login answers with a server
        error; then what it lets anybody do is what we can do.
        """
        async with self._login_lock:
            if self._logged_in and not again:
                return
            response = await self._send("GET", "auth/login")
            await response.aclose()
            if response.status_code in _REFUSED:
                raise NotAuthorized(
                    "Buildbot refused BUILDBOT_USER and BUILDBOT_PASSWORD",
                    status=response.status_code,
                )
            self._logged_in = True


def _patiently() -> Any:
    """At most 3 tries within 5 seconds; what needs longer is the queue's to wait for."""
    return stamina.retry_context(
        on=lambda error: isinstance(error, PlatformUnavailable),
        attempts=3,
        timeout=5.0,
        wait_max=2.0,
    )


def _resources(response: httpx.Response) -> tuple[list[dict[str, Any]], int | None]:
    """Buildbot wraps resources as {"meta": {...}, "<plural>": [...]}."""
    try:
        body = response.json()
        meta = body.pop("meta")
        (rows,) = body.values()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Rejected(f"{response.url} did not answer as Buildbot's API does") from None
    return rows, meta.get("total")


def _error(response: httpx.Response, path: str) -> PlatformError:
    """Our error for an answer that is no success."""
    status = response.status_code
    text = f"Buildbot answered {status} to {path}: {_reason(response)}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(
            text, status=status, retry_at=come_back(response.headers, datetime.now(UTC))
        )
    if response.is_redirect:
        return Rejected(
            f"Buildbot sends us on to {response.headers.get('location')!r}: BUILDBOT_URL must be"
            " the address that answers itself",
            status=status,
        )
    return kind_of(status)(text, status=status)


def _reason(response: httpx.Response) -> str:
    """The sentence in an error's body: plain for reads, wrapped once more for JSON-RPC."""
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase
    return str(error.get("message") if isinstance(error, dict) else error)[:300]
