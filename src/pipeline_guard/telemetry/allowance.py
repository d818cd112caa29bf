"""What a platform still allows us to ask, as its newest answers say."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

REMAINING: Final = ("x-ratelimit-remaining", "ratelimit-remaining")
LIMIT: Final = ("x-ratelimit-limit", "ratelimit-limit")
_RESET: Final = ("x-ratelimit-reset", "ratelimit-reset")
_RESOURCE: Final = "x-ratelimit-resource"
"""GitHub counts searches and GraphQL apart from all other calls, which are "core"."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Calls left of `limit` until `resets_at`."""

    remaining: int
    limit: int
    resets_at: datetime


class Allowances:
    """The newest allowance of each platform that this process has heard of; safe over threads."""

    def __init__(self) -> None:
        self._newest: dict[str, Allowance] = {}
        self._lock = threading.Lock()

    def heard(self, platform: str, headers: Mapping[str, str]) -> None:
        """Learn from an answer; `headers` are looked up by lower-case names."""
        found = allowance_of(headers)
        if found is not None:
            with self._lock:
                self._newest[platform] = found

    def take(self, platform: str) -> Allowance | None:
        """What was heard since the last call of this, None when nothing was."""
        with self._lock:
            return self._newest.pop(platform, None)


def allowance_of(headers: Mapping[str, str]) -> Allowance | None:
    """What an answer's headers say; None unless they say all of it."""
    if headers.get(_RESOURCE, "core") != "core":
        return None
    remaining, limit, reset = (number(headers, names) for names in (REMAINING, LIMIT, _RESET))
    if remaining is None or limit is None or reset is None:
        return None
    try:
        return Allowance(remaining, limit, datetime.fromtimestamp(reset, UTC))
    except (OverflowError, ValueError, OSError):
        return None


def number(headers: Mapping[str, str], names: tuple[str, ...]) -> int | None:
    """The first of these headers that is there, as a number."""
    told = next((headers[name] for name in names if name in headers), "").strip()
    return int(told) if told.isdecimal() else None
