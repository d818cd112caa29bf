"""All calls to GitHub's JSON API: paths of our own making, pages, short retries, one timeout."""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import github
import orjson
import requests
import stamina
from github.Requester import Requester

from pipeline_guard.cache import Cache
from pipeline_guard.errors import NotAuthorized, PlatformUnavailable, RateLimited
from pipeline_guard.platforms.github.answers import Answer, NotSent, no_answer, refusal
from pipeline_guard.platforms.github.conditional import Conditional, Known
from pipeline_guard.platforms.github.credentials import Credentials
from pipeline_guard.platforms.github.permissions import READING, Permissions, needed
from pipeline_guard.telemetry.calls import Call, Calls

_TIMEOUT: Final = 20
"""Seconds for one call, connecting and reading each."""
_THREADS: Final = 8
_MOST_CONNECTED: Final = 64
"""Tokens that connections are kept for; the one used longest ago loses its own."""
_PAGE: Final = 100
_MOST_PAGES: Final = 30
_SHORT_WAIT: Final = 3.0
"""A limit that ends within so many seconds is waited for here; longer ones are the queue's."""
USER_AGENT: Final = "pipeline-guard"
NOTHING: Final[Permissions] = {}

_Key = tuple[str, frozenset[tuple[str, str]]]
"""A repository and a set of permissions: each has a token of its own."""


class Client:
    """Speaks to one GitHub with PyGithub's requester, in threads, since it blocks.

    Only paths built here are called and no URL found in an answer is: a body, or a proxy that
    wrote it, must not choose where our token goes.
    """

    def __init__(
        self,
        api_url: str,
        credentials: Credentials,
        *,
        retry_wait: float = 0.3,
        calls: Calls | None = None,
        cache: Cache | None = None,
    ) -> None:
        self.api_url = api_url.rstrip("/")
        self._cache = cache or Cache()
        self._answers = Conditional(self._cache, self.api_url)
        self.calls = calls or Calls("github")
        self.credentials = credentials
        self.retry_wait = retry_wait
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="github")
        self._requesters: dict[_Key | None, tuple[github.Auth.Auth, Requester]] = {}
        self._lock = threading.Lock()

    async def get(self, repository: str | None, path: str, **query: Any) -> Answer:
        """GET below the API's base; 5xx, timeouts and limits of seconds are tried three times.

        `repository` chooses the credentials, None stands for the App or token itself. Raises
        errors.PlatformError.
        """
        full = f"{path}?{urlencode(query)}" if query else path
        return await self._retried(self._worth_get, repository, "GET", full, None)

    async def send(
        self, verb: str, repository: str | None, path: str, body: Any | None = None
    ) -> Answer:
        """POST or PATCH; sent again only when it surely did not arrive or was put off by a limit.

        A 5xx or a timeout leaves open whether it worked: the caller must look. Raises
        errors.PlatformError.
        """
        return await self._retried(self._worth_send, repository, verb, path, body)

    async def pages(
        self,
        repository: str | None,
        path: str,
        key: str | None = None,
        *,
        most: int = _MOST_PAGES,
        **query: Any,
    ) -> AsyncIterator[dict[str, Any]]:
        """Every item of a list (below `key` where the answer is an object), at most `most` pages.

        Of a Link header only the query is used; without one, a full page has a next one.
        """
        query = {"per_page": _PAGE, **query}
        seen: set[Any] = set()
        for number in range(1, most + 1):
            answer = await self.get(repository, path, **query)
            items = _items(answer.data, key)
            fresh = [item for item in items if item.get("id", id(item)) not in seen]
            for item in fresh:
                seen.add(item.get("id", id(item)))
                yield item
            following = _next_query(answer, len(items), number)
            if not fresh or following is None:  # nothing new: a server that ignores `page`
                return
            query = {**query, **following}

    async def authorization(self, repository: str) -> str:
        """The Authorization header's value for a repository, for the log stream."""
        loop = asyncio.get_running_loop()
        requester = await loop.run_in_executor(self._threads, self._requester, repository, READING)
        auth = requester.auth
        return f"{auth.token_type} {auth.token}" if auth else ""

    async def granted(self, repository: str) -> Permissions | None:
        """What the App was granted on a repository; None for a token, of which nobody knows."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, self.credentials.granted, repository, self._as_app
        )

    async def aclose(self) -> None:
        """Close connections and threads."""
        for _, requester in self._requesters.values():
            requester.close()
        self._requesters.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._cache.close()

    async def _retried(
        self,
        worth: Callable[[Exception], bool | float],
        repository: str | None,
        verb: str,
        path: str,
        body: Any | None,
    ) -> Answer:
        loop = asyncio.get_running_loop()
        async for attempt in stamina.retry_context(
            on=worth,
            attempts=3,
            timeout=12.0,
            wait_initial=self.retry_wait,
            wait_jitter=self.retry_wait,
            wait_max=2.0,
        ):
            with attempt:
                # The thread gets what is bound to this job: its trace and the names in its log.
                here = contextvars.copy_context()
                return await loop.run_in_executor(
                    self._threads, here.run, self._call, repository, verb, path, body
                )
        raise PlatformUnavailable(f"GitHub gave no answer to {verb} {path}")  # pragma: no cover

    @staticmethod
    def _worth_get(error: Exception) -> bool | float:
        return _short_limit(error) or isinstance(error, PlatformUnavailable)

    @staticmethod
    def _worth_send(error: Exception) -> bool | float:
        return _short_limit(error) or isinstance(error, NotSent)

    def _call(self, repository: str | None, verb: str, path: str, body: Any | None) -> Answer:
        wanted = needed(verb, path, body)
        try:
            return self._request(self._requester(repository, wanted), verb, path, body)
        except NotAuthorized as error:
            renewable = error.status == 401 and repository is not None
            if not (renewable and self.credentials.forget(str(repository))):
                raise
        return self._request(self._requester(repository, wanted), verb, path, body)

    def _requester(self, repository: str | None, wanted: Permissions = NOTHING) -> Requester:
        if repository is None:
            auth = self.credentials.app_auth()
        else:
            auth = self.credentials.for_repository(repository, wanted, self._as_app)
        narrow = self.credentials.is_app and repository is not None
        key = (str(repository), frozenset(wanted.items())) if narrow else None
        with self._lock:
            known = self._requesters.pop(key, None)
            if known is None or known[0] is not auth:
                known = (auth, self._connect(auth))
            self._requesters[key] = known
            if len(self._requesters) > _MOST_CONNECTED:
                self._requesters.pop(next(iter(self._requesters)))[1].close()
        return known[1]

    def _as_app(self, verb: str, path: str, body: Any | None = None) -> Any:
        return self._request(self._requester(None), verb, path, body).data

    def _request(self, requester: Requester, verb: str, path: str, body: Any | None) -> Answer:
        token = self._lasting_token(requester) if verb == "GET" else None
        known = self._answers.recall(token, path) if token else None
        with self.calls.call(verb, path) as call:
            status, headers, raw = _request(requester, verb, path, body, call, known)
        if known and status == HTTPStatus.NOT_MODIFIED:
            link = {"link": known.link} if known.link else {}
            return Answer(HTTPStatus.OK, {**headers, **link}, decoded(known.body))
        if token and status == HTTPStatus.OK:
            self._answers.keep(token, path, headers, raw)
        return Answer(status, headers, decoded(raw))

    def _lasting_token(self, requester: Requester) -> str | None:
        """The token that answers may be remembered by; what an App signs is new every time."""
        auth = requester.auth
        return auth.token if auth and not isinstance(auth, github.Auth.AppAuth) else None

    def _connect(self, auth: github.Auth.Auth) -> Requester:
        return github.Github(
            auth=auth,
            base_url=self.api_url,
            timeout=_TIMEOUT,
            user_agent=USER_AGENT,
            pool_size=_THREADS,
            retry=None,  # PyGithub's own sleeps through limits; waiting is the queue's business
            seconds_between_requests=0,
            seconds_between_writes=0,
        ).requester


def _request(
    requester: Requester, verb: str, path: str, body: Any | None, call: Call, known: Known | None
) -> tuple[int, Mapping[str, str], str]:
    """Status, headers with lower-case names, and text; 304 only where `known` may be meant."""
    what = f"{verb} {path.partition('?')[0]}"
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    if known:
        headers["If-None-Match"] = known.etag
    try:
        status, raw, answered = requester.requestJson(verb, path, headers=headers, input=body)
    except requests.exceptions.RequestException as error:
        raise no_answer(what, error) from error
    except RuntimeError as error:  # PyGithub's refusal to follow a redirect to another origin
        raise PlatformUnavailable(f"GitHub redirected {what} elsewhere: {error}") from error
    lowered: Mapping[str, str] = {str(key).lower(): str(value) for key, value in raw.items()}
    call.answered(status, lowered)
    unchanged = known is not None and status == HTTPStatus.NOT_MODIFIED
    if not unchanged and not 200 <= status < 300:
        raise refusal(what, status, lowered, decoded(answered))
    return status, lowered, answered


def decoded(answered: str | bytes) -> Any:
    """The JSON of an answer, None where it is none (the HTML page of a proxy, say)."""
    try:
        return orjson.loads(answered) if answered else None
    except orjson.JSONDecodeError:
        return None


def _short_limit(error: Exception) -> bool | float:
    if not isinstance(error, RateLimited) or error.retry_at is None:
        return False
    wait = (error.retry_at - datetime.now(UTC)).total_seconds()
    return max(wait, 0.05) if wait <= _SHORT_WAIT else False


def _items(data: Any, key: str | None) -> list[dict[str, Any]]:
    listed = data.get(key) if key and isinstance(data, dict) else data
    if not isinstance(listed, list):
        return []
    return [item for item in listed if isinstance(item, dict)]


def _next_query(answer: Answer, size: int, number: int) -> dict[str, str] | None:
    """The query of the next page, None after the last."""
    link = answer.headers.get("link")
    if link is None:
        return {"page": str(number + 1)} if size >= _PAGE else None
    for entry in requests.utils.parse_header_links(link):
        if entry.get("rel") == "next":
            return dict(parse_qsl(urlsplit(entry["url"]).query))
    return None
