"""Limits: a platform whose calls are used up is left alone by all replicas until its reset."""

import functools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from secrets import SystemRandom
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import structlog

from pipeline_guard.domain.events import Event
from pipeline_guard.errors import RateLimited
from pipeline_guard.stages.context import Context
from pipeline_guard.store import limits
from pipeline_guard.store.limits import Known

RESERVE_SHARE: Final = 0.02
"""Of its calls, what is left for others who use the same credentials, and for people's commands."""
RESERVE_LEAST: Final = 5
LONGEST: Final = timedelta(hours=1)
"""The longest pause: limits are by the hour, and a wrong clock must not stop us for days."""
SPREAD_SECONDS: Final = 15.0
"""Who waited for a reset comes back within so many seconds, not all at once."""

P = ParamSpec("P")
T = TypeVar("T")
Stage = Callable[Concatenate[Context, P], Awaitable[T]]
log = structlog.get_logger(__name__)


def within_limits(work: Stage[P, T]) -> Stage[P, T]:
    """Do the work only while its platform allows calls, and write down what its answers say.

    The platform is named by the first argument behind the context: an Event, or its name. What is
    raised instead of working is RateLimited: the queue comes back after the reset.
    """

    @functools.wraps(work)
    async def watched(context: Context, /, *arguments: P.args, **more: P.kwargs) -> T:
        platform = _platform(arguments, more)
        await _ensure_allowed(context, platform)
        try:
            return await work(context, *arguments, **more)
        except RateLimited as error:
            if error.retry_at is not None:
                await _pause(context, platform, error.retry_at)
            raise
        finally:
            await _note(context, platform)

    return watched


def _platform(arguments: tuple[Any, ...], more: dict[str, Any]) -> str:
    first = arguments[0] if arguments else more["platform"]
    return first.platform if isinstance(first, Event) else str(first)


async def _ensure_allowed(context: Context, platform: str) -> None:
    async with context.database.transaction() as session:
        known = await limits.get(session, platform)
    until = paused_until(known, datetime.now(UTC)) if known else None
    if until is not None:
        until += timedelta(seconds=SystemRandom().uniform(0, SPREAD_SECONDS))
        raise RateLimited(
            f"{platform} is left alone until {until:%H:%M:%S} UTC: its calls are used up.",
            retry_at=until,
        )


def paused_until(known: Known, now: datetime) -> datetime | None:
    """Until when the platform is to be left alone, None when it may be asked."""
    ends = [known.paused_until] if known.paused_until and known.paused_until > now else []
    if known.resets_at and known.resets_at > now and known.remaining is not None:
        reserve = max(RESERVE_LEAST, RESERVE_SHARE * (known.total or 0))
        if known.remaining <= reserve:
            ends.append(known.resets_at)
    return max(ends, default=None)


async def _pause(context: Context, platform: str, until: datetime) -> None:
    until = min(until, datetime.now(UTC) + LONGEST)
    async with context.database.transaction() as session:
        await limits.pause(session, platform, until)
    log.warning("platform_paused", platform=platform, until=until.isoformat())


async def _note(context: Context, platform: str) -> None:
    heard = context.telemetry.allowances.take(platform)
    if heard is not None:
        resets_at = min(heard.resets_at, datetime.now(UTC) + LONGEST)
        async with context.database.transaction() as session:
            await limits.note(session, platform, heard.remaining, heard.limit, resets_at)
