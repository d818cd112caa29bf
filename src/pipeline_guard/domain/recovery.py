"""What a platform can tell about webhooks that never arrived, and how it is asked.

Both protocols are optional; a platform declares them as the capabilities `redeliver` and
`list_runs`. A scope is one list the platform keeps: a repository's name, or "" where one list
serves all repositories.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from pipeline_guard.domain.events import Event


@dataclass(frozen=True, slots=True)
class DeliveryTry:
    """One try of the platform's to deliver a webhook we act on.

    `delivery_id` is the same over all tries of one delivery, and the one our store knows it by.
    `handle` is what `redeliver` takes; `arrived` tells that the receiver answered with 2xx.
    """

    delivery_id: str
    handle: str
    event_name: str
    tried_at: datetime
    arrived: bool


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A red run as a platform lists it; `key` is another one for every attempt of the run."""

    event: Event
    key: str
    finished_at: datetime


@runtime_checkable
class Redelivers(Protocol):
    """A platform that remembers its deliveries and sends one again when asked."""

    def delivery_scopes(self, repositories: Sequence[str]) -> Sequence[str]:
        """The lists of deliveries to read, given the repositories we know."""

    def delivery_tries(self, scope: str, since: datetime) -> AsyncIterator[DeliveryTry]:
        """Tries since then, newest first, as far as a few pages reach; raises PlatformError."""

    async def redeliver(self, scope: str, handle: str) -> None:
        """Ask for one delivery again; raises PlatformError."""


@runtime_checkable
class ListsRuns(Protocol):
    """A platform that lists its finished runs."""

    def run_scopes(self, repositories: Sequence[str]) -> Sequence[str]:
        """The lists of runs to read, given the repositories we know."""

    def finished_runs(self, scope: str, since: datetime) -> AsyncIterator[FinishedRun]:
        """Red runs that ended since then, newest first, as far as a few pages reach.

        Raises PlatformError.
        """
