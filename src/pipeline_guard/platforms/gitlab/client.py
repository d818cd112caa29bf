"""All HTTP to GitLab, and the one place where its answers become our errors."""

import asyncio
import os
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import gitlab
import httpx
import orjson
import requests
import stamina

from pipeline_guard.domain.statuses import come_back, kind_of, server_date
from pipeline_guard.errors import PlatformError, PlatformUnavailable, RateLimited, Rejected
from pipeline_guard.telemetry.calls import Calls

TIMEOUT_SECONDS: Final = 20.0
READ_ATTEMPTS: Final = 3
PAGE_SIZE: Final = 100
"""The most GitLab gives in one page."""
MAX_HOPS: Final = 4
"""Redirects followed from a job's log to where it is stored."""
DETAIL_CHARS: Final = 300

Json = dict[str, Any]


def translate(status: int, headers: Mapping[str, str], body: bytes, call: str) -> PlatformError:
    """The error for an HTTP answer of 400 or more to `call` ("GET /projects/1").

    `headers` must look names up without regard to case.
    """
    text = f"GitLab answered {status} to {call}: {_detail(body)}"
    if status == 429:
        end = come_back(headers, datetime.now(UTC), reset=headers.get("ratelimit-reset", ""))
        return RateLimited(text, status=status, retry_at=end)
    return kind_of(status)(text, status=status)


def _detail(body: bytes) -> str:
    """What GitLab says went wrong, on one short line."""
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        payload = None
    if isinstance(payload, dict):
        said = payload.get("message") or payload.get("error_description") or payload.get("error")
    else:
        said = body[: DETAIL_CHARS * 4].decode("utf-8", "replace")
    return " ".join(str(said or "no reason given").split())[:DETAIL_CHARS]


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def ca_bundle() -> str | None:
    """The CA file that the environment names for self-managed servers, the same for all calls."""
    return os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE") or None


class _Session(requests.Session):
    """Keeps GitLab's token header at GitLab: requests itself drops only `Authorization`."""

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        super().rebuild_auth(prepared_request, response)
        if _origin(prepared_request.url or "") != _origin(response.request.url or ""):
            prepared_request.headers.pop("PRIVATE-TOKEN", None)


class GitLabClient:
    """Calls under `{url}/api/v4`; reads are tried three times, writes once.

    python-gitlab is synchronous, so its calls run in threads. Every method raises only
    PlatformError; making one raises OSError when the environment's CA file cannot be read.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: float = TIMEOUT_SECONDS,
        calls: Calls | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._calls = calls or Calls("gitlab")
        self._auth = {"PRIVATE-TOKEN": token}
        self._session = _Session()
        self._session.hooks["response"].append(self._refuse)
        ca = ca_bundle()
        self._gitlab = gitlab.Gitlab(
            self.url,
            private_token=token,
            timeout=timeout,
            ssl_verify=ca or True,
            retry_transient_errors=False,
            session=self._session,
        )
        self._http = httpx.AsyncClient(
            timeout=timeout,
            verify=ssl.create_default_context(cafile=ca) if ca else True,
            follow_redirects=False,
        )

    def _refuse(self, response: requests.Response, **_: Any) -> None:
        # Raised here, before python-gitlab makes its own error, which has lost the headers.
        if response.status_code >= 400:
            call = f"{response.request.method} {urlsplit(response.url).path}"
            raise translate(response.status_code, response.headers, response.content, call)

    def _request(self, verb: str, path: str, query: Json, data: Json | None) -> requests.Response:
        with self._calls.call(verb, path) as call:
            try:
                found = self._gitlab.http_request(verb, path, query_data=query, post_data=data)
            except requests.RequestException as error:
                raise PlatformUnavailable(
                    f"GitLab did not answer {verb.upper()} {path}: {error}"
                ) from error
            except gitlab.exceptions.GitlabError as error:
                raise Rejected(f"GitLab cannot be used at {self.url}: {error}") from error
            call.answered(found.status_code, found.headers)
            return found

    @stamina.retry(on=PlatformUnavailable, attempts=READ_ATTEMPTS, wait_initial=0.2, wait_max=2.0)
    async def _read(self, path: str, query: Json) -> requests.Response:
        return await asyncio.to_thread(self._request, "get", path, query, None)

    def _payload(self, response: requests.Response) -> Any:
        try:
            return response.json()
        except ValueError:
            raise Rejected(
                f"{self.url} answered something else than JSON; is the address GitLab's own?",
                status=response.status_code,
            ) from None

    async def get(self, path: str, **query: Any) -> Json:
        """One object at `path` (below /api/v4)."""
        payload = self._payload(await self._read(path, query))
        if not isinstance(payload, dict):
            raise Rejected(f"GitLab answered {path} with something else than an object")
        return payload

    async def date(self) -> datetime | None:
        """The server's clock, by the smallest answer there is."""
        return server_date((await self._read("/version", {})).headers)

    async def rows(self, path: str, *, limit: int, **query: Any) -> AsyncIterator[Json]:
        """Up to `limit` objects of a list, read page by page as they are asked for.

        Pages are counted (`X-Next-Page`), never followed by the links the server gives.
        """
        page = "1"
        left = limit
        while page and left > 0:
            response = await self._read(path, {**query, "per_page": PAGE_SIZE, "page": page})
            payload = self._payload(response)
            if not isinstance(payload, list):
                raise Rejected(f"GitLab answered {path} with something else than a list")
            for row in payload[:left]:
                yield row if isinstance(row, dict) else {}
            left -= len(payload)
            page = response.headers.get("X-Next-Page", "") if payload else ""

    async def list(self, path: str, *, limit: int, **query: Any) -> list[Json]:
        """`rows` as a list."""
        return [row async for row in self.rows(path, limit=limit, **query)]

    async def write(self, verb: str, path: str, data: Json | None = None) -> Json:
        """POST or PUT, once: after an error it is for the caller to look what became of it."""
        response = await asyncio.to_thread(self._request, verb, path, {}, data or {})
        payload = self._payload(response)
        return payload if isinstance(payload, dict) else {}

    async def stream(self, path: str) -> AsyncGenerator[bytes, None]:
        """The bytes at `path`, in chunks, through redirects; the token stays with the API."""
        response = await self._open(f"{self.url}/api/v4{path}")
        try:
            async for chunk in response.aiter_bytes():
                yield chunk
        except httpx.HTTPError as error:
            raise PlatformUnavailable(f"GitLab broke off {path}: {error!r}") from error
        finally:
            await response.aclose()

    @stamina.retry(on=PlatformUnavailable, attempts=READ_ATTEMPTS, wait_initial=0.2, wait_max=2.0)
    async def _open(self, start: str) -> httpx.Response:
        url = start
        for _ in range(MAX_HOPS):
            at_home = _origin(url) == _origin(self.url)
            response = await self._send(url, self._auth if at_home else {})
            if response.has_redirect_location:
                url = urljoin(url, response.headers["location"])
                await response.aclose()
                continue
            if response.is_success:
                return response
            raise await self._refusal(response, at_home=at_home)
        raise Rejected(f"GitLab redirects {urlsplit(start).path} without end")

    async def _send(self, url: str, headers: Mapping[str, str]) -> httpx.Response:
        path = urlsplit(url).path
        with self._calls.call("GET", path, log=True) as call:
            try:
                request = self._http.build_request("GET", url, headers=headers)
                response = await self._http.send(request, stream=True)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise PlatformUnavailable(f"GitLab did not answer GET {path}: {error!r}") from error
            call.answered(response.status_code, response.headers)
            return response

    async def _refusal(self, response: httpx.Response, *, at_home: bool) -> PlatformError:
        try:
            body = await response.aread()
        except httpx.HTTPError:
            body = b""
        finally:
            await response.aclose()
        call = f"GET {response.url.path}"
        if not at_home and response.status_code in (401, 403):
            # A storage link that ran out: asking GitLab again gives a new one.
            return PlatformUnavailable(f"{call}: the log's link ran out", status=403)
        return translate(response.status_code, response.headers, body, call)

    async def aclose(self) -> None:
        """Give back connections."""
        self._session.close()
        await self._http.aclose()
