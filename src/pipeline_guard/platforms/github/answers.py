"""What GitHub's answers mean: every status and every failed request becomes one of our errors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import requests
import urllib3.exceptions

from pipeline_guard.domain.statuses import come_back, kind_of
from pipeline_guard.errors import (
    Conflict,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    Rejected,
)
from pipeline_guard.platforms.github.read import text

_LIMIT_TEXT: Final = re.compile(r"rate limit|abuse detection|secondary limit", re.IGNORECASE)
_UNDER_WAY: Final = re.compile(r"already (?:running|in progress|queued|re-?run)", re.IGNORECASE)
_CANNOT: Final = re.compile(
    r"(?:cannot|can't|unable to|could not) (?:be )?(?:re-?run|re-?tr(?:y|ied))|over a month ago",
    re.IGNORECASE,
)
_SECONDARY_WAIT: Final = timedelta(minutes=1)
"""What GitHub asks for when a secondary limit names no time: at least a minute."""
_LONGEST_MESSAGE: Final = 300


class NotSent(PlatformUnavailable):
    """The request surely did not arrive: no connection came about, so it may be sent again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: `headers` with lower-case keys, `data` the decoded JSON or None."""

    status: int
    headers: Mapping[str, str]
    data: Any


def refusal(what: str, status: int, headers: Mapping[str, str], data: Any) -> PlatformError:
    """The error for an answer that is no success; `what` names the call ("GET /repos/…").

    Limits: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    said = _message(data)
    told = f"GitHub answered {status} to {what}" + (f": {said}" if said else "")
    if status == 429 or (status == 403 and _is_limit(headers, said)):
        return RateLimited(told, status=status, retry_at=_retry_at(headers))
    return _kind(status, said)(told, status=status)


def _kind(status: int, said: str) -> type[PlatformError]:
    """GitHub says 403 also for runs that cannot be started (again): its words tell which."""
    if status == 403 and _UNDER_WAY.search(said):
        return Conflict
    if status == 403 and _CANNOT.search(said):
        return Rejected
    return kind_of(status)


def no_answer(what: str, error: Exception) -> PlatformUnavailable:
    """The error for a request that `requests` could not complete."""
    kind = NotSent if _surely_not_sent(error) else PlatformUnavailable
    return kind(f"GitHub gave no answer to {what}: {type(error).__name__}")


def _surely_not_sent(error: Exception) -> bool:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    reason = error.args[0] if error.args else None
    if isinstance(reason, urllib3.exceptions.MaxRetryError):
        reason = reason.reason
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _message(data: Any) -> str:
    """GitHub's own words, with the details it puts below `errors`."""
    said = text(data, "message") or ""
    errors = data.get("errors") if isinstance(data, dict) else None
    for error in errors if isinstance(errors, list) else ():
        detail = error if isinstance(error, str) else text(error, "message")
        said = f"{said}; {detail}" if detail else said
    return " ".join(said.split())[:_LONGEST_MESSAGE]


def _is_limit(headers: Mapping[str, str], said: str) -> bool:
    return (
        headers.get("x-ratelimit-remaining") == "0"
        or "retry-after" in headers
        or bool(_LIMIT_TEXT.search(said))
    )


def _retry_at(headers: Mapping[str, str]) -> datetime:
    """When to come back: Retry-After, else the reset of the limit, else in a minute."""
    now = datetime.now(UTC)
    used_up = headers.get("x-ratelimit-remaining") == "0"
    reset = headers.get("x-ratelimit-reset", "") if used_up else ""
    return come_back(headers, now, reset=reset) or now + _SECONDARY_WAIT
