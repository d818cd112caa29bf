"""What every remedy tells about itself and does."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pipeline_guard.domain.capabilities import Capability, Platform
from pipeline_guard.domain.plan import StepKind
from pipeline_guard.domain.runs import Run

EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
Status = Literal["done", "skipped", "failed", "unclear"]


@dataclass(frozen=True, slots=True)
class Request:
    """What a plan asks of a remedy: for which attempt it was made, and how.

    `asked_at` is when it was first written down that this is to be done. `in_doubt`: an earlier
    try was interrupted a moment ago, so its effect may not show yet.
    """

    attempt: int
    params: Mapping[str, Any]
    in_doubt: bool = False
    asked_at: datetime = EVER


@dataclass(frozen=True, slots=True)
class Result:
    """How a remedy went; `unclear` asks to be called again a little later."""

    status: Status
    note: str
    url: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """One way to heal: what it needs, what it would do in words, and doing it.

    `params` are what its steps carry, by name, with their meaning. `risk` is the worst that may
    come of it, `undo` how it is taken back; both are shown beside every step, in sentences.

    `apply` gets the run as it is now and is safe to call twice: it looks for what an earlier,
    interrupted call did before it does anything. It raises errors.PlatformError.
    """

    kind: StepKind
    needs_one_of: frozenset[Capability]
    params: Mapping[str, str]
    risk: str
    undo: str
    describe: Callable[[Mapping[str, Any]], str]
    apply: Callable[[Platform, Run, Request], Awaitable[Result]]
