"""Streams a job's log: the token goes to the API's origin only, expired links are renewed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urljoin

import httpx

from pipeline_guard.errors import NotFound, PlatformError, PlatformUnavailable
from pipeline_guard.platforms.github.answers import refusal
from pipeline_guard.platforms.github.client import USER_AGENT, Client, decoded

_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
_TRIES: Final = 3
_MOST_HOPS: Final = 5
_EXPIRED: Final = (400, 401, 403, 404, 410)
"""What object stores answer to a signed link that is too old."""


class LogStream:
    """Reads logs with httpx; GitHub answers with a link to a store that lives for a minute.

    https://docs.github.com/en/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._api = httpx.URL(client.api_url)
        self._http = httpx.AsyncClient(
            timeout=_TIMEOUT, follow_redirects=False, headers={"User-Agent": USER_AGENT}
        )

    async def stream(self, repository: str, path: str) -> AsyncIterator[bytes]:
        """The bytes at an API path, as they come.

        Raises NotFound when the log is gone, PlatformUnavailable when it breaks off midway, and
        the other errors.PlatformError for what the API answers.
        """
        refused: PlatformError = PlatformUnavailable(f"GitHub gave no log at {path}")
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(self._client.retry_wait * attempt)
            started = False
            authorization = await self._client.authorization(repository)
            try:
                async with self._open(path, authorization, again=attempt > 0) as response:
                    async for chunk in response.aiter_bytes():
                        started = True
                        yield chunk
                    return
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                refused = PlatformUnavailable(f"The log at {path} broke: {type(error).__name__}")
            except PlatformUnavailable as error:
                refused = error
            except _LinkExpired as expired:
                refused = expired.refused
            if started:  # the reader already has the first part, a second try would repeat it
                break
        raise refused

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    @asynccontextmanager
    async def _open(
        self, path: str, authorization: str, *, again: bool
    ) -> AsyncIterator[httpx.Response]:
        """Ask the API and follow its links.

        A link carries its own signature, so the token stays behind even on the API's own origin,
        unless the whole call moved there (a renamed repository) or the link was refused before.
        """
        url, with_token = httpx.URL(f"{self._api}{path}"), True
        for hop in range(_MOST_HOPS):
            headers = {"Authorization": authorization} if with_token and authorization else {}
            request = self._http.build_request("GET", url, headers=headers)
            with self._client.calls.call("GET", url.path, log=True) as call:
                response = await self._http.send(request, stream=True)
                call.answered(response.status_code, response.headers)
            try:
                if not response.has_redirect_location:
                    await _check(response, linked=hop > 0, what=f"GET {path}")
                    yield response
                    return
                url = httpx.URL(urljoin(str(url), response.headers["location"]))
                moved = response.status_code in (301, 307, 308)
                with_token = self._is_api(url) and (moved or again)
            finally:
                await response.aclose()
        raise PlatformUnavailable(f"GitHub's redirects from {path} do not end")

    def _is_api(self, url: httpx.URL) -> bool:
        """Same scheme, host and port as the API."""
        ours, theirs = self._api, url
        return (ours.scheme, ours.host, _port(ours)) == (theirs.scheme, theirs.host, _port(theirs))


class _LinkExpired(Exception):
    """Asks for another try; `refused` is what to raise when there is none left."""

    def __init__(self, refused: PlatformError) -> None:
        super().__init__(str(refused))
        self.refused = refused


def _port(url: httpx.URL) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme)


async def _check(response: httpx.Response, *, linked: bool, what: str) -> None:
    """Raise unless the log is there; at the store, a refusal means that the link is too old."""
    if response.is_success:
        return
    status = response.status_code
    if not linked:
        raise refusal(what, status, response.headers, decoded(await response.aread()))
    if status not in _EXPIRED:
        raise refusal(f"{what} (at the log store)", status, response.headers, None)
    kind = NotFound if status in (404, 410) else PlatformUnavailable
    raise _LinkExpired(kind(f"The log store answered {status} to {what}", status=status))
