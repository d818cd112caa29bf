"""What an HTTP answer means on every platform: its error, its date, and when to come back."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from pipeline_guard.errors import (
    Conflict,
    NotAuthorized,
    NotFound,
    PlatformError,
    PlatformUnavailable,
    Rejected,
)

LONGEST_WAIT: Final = 86_400.0
"""Seconds; a server that tells us to come back later than in a day is not believed."""
_BY_STATUS: Final[Mapping[int, type[PlatformError]]] = {
    401: NotAuthorized,
    403: NotAuthorized,
    404: NotFound,
    408: PlatformUnavailable,
    409: Conflict,
    410: NotFound,
    425: PlatformUnavailable,
    501: Rejected,  # what is not implemented will not be tomorrow
}


def kind_of(status: int) -> type[PlatformError]:
    """The error for a status that is neither a success nor 429, a limit with an end."""
    return _BY_STATUS.get(status, PlatformUnavailable if status >= 500 else Rejected)


def come_back(headers: Mapping[str, str], now: datetime, *, reset: str = "") -> datetime | None:
    """When a limit ends, by Retry-After (seconds or a date), else by the epoch second `reset`.

    None where neither says it. Headers are looked up by lower-case names.
    """
    seconds = _seconds(headers.get("retry-after", "").strip(), reset.strip(), now)
    return None if seconds is None else now + timedelta(seconds=min(max(seconds, 0), LONGEST_WAIT))


def server_date(headers: Mapping[str, str]) -> datetime | None:
    """The server's clock by its Date; None where it tells none."""
    return _date(headers.get("date", ""))


def _seconds(after: str, reset: str, now: datetime) -> float | None:
    if after.isdecimal():
        return float(after)
    at = _date(after)
    if at is None:
        return float(reset) - now.timestamp() if reset.isdecimal() else None
    return (at - now).total_seconds()


def _date(told: str) -> datetime | None:
    try:
        return parsedate_to_datetime(told).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
