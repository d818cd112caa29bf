"""What our credentials lack to re-run jobs, asked before a plan is made and not found out by it."""

import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, runtime_checkable

FRESH_SECONDS: Final = 600.0
"""How long an answer holds; rights change seldom."""
FRESH_REFUSAL_SECONDS: Final = 60.0
"""A missing right is asked for again soon, because somebody may just be granting it."""
MOST: Final = 2_000


@runtime_checkable
class KnowsRights(Protocol):
    """A platform that can tell beforehand whether we may re-run in a repository."""

    async def missing_right(self, repository: str) -> str | None:
        """What is lacking, in words for "we lack ..."; None when nothing is, or it cannot be told.

        Raises PlatformError when it is worth another try later.
        """


class Remembered:
    """Answers about repositories, asked for once in a while."""

    def __init__(
        self,
        ask: Callable[[str], Awaitable[str | None]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._known: dict[str, tuple[float, str | None]] = {}

    async def of(self, repository: str) -> str | None:
        """The answer for a repository, as fresh as it has to be."""
        known = self._known.get(repository)
        if known is not None and self._clock() < known[0]:
            return known[1]
        answer = await self._ask(repository)
        fresh = FRESH_SECONDS if answer is None else FRESH_REFUSAL_SECONDS
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[repository] = (self._clock() + fresh, answer)
        return answer
