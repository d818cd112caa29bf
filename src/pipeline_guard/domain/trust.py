"""How far a rule's word "a re-run helps" is trusted, by what its newest re-runs came to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pipeline_guard.domain.chance import FIRST, WEIGHT

WINDOW: Final = 30
"""Newest outcomes that count: a rule is judged by what it does now."""
RECOVERED: Final = 3
"""So many right ones in a row end a demotion."""


@dataclass(frozen=True, slots=True)
class RuleTrust:
    """A rule at one version of its text: its newest outcomes, the newest first.

    True is a re-run that passed where no person says that the category is wrong.
    """

    rule: str
    version: str
    outcomes: tuple[bool, ...] = ()
    last_rerun: datetime | None = None
    """When a re-run of a failure that it judged was planned last."""

    @property
    def right(self) -> int:
        """How many of the outcomes prove it right."""
        return sum(self.outcomes)

    @property
    def precision(self) -> float:
        """The mean of the Beta posterior over the outcomes; the prior is that of a new rule."""
        return (WEIGHT * FIRST + self.right) / (WEIGHT + len(self.outcomes))

    def demoted(self, floor: float, outcomes: int) -> bool:
        """Is its precision below `floor` after so many outcomes, and no recovery in sight?"""
        if len(self.outcomes) < outcomes or self.precision >= floor:
            return False
        return not all(self.outcomes[:RECOVERED])
