"""The chance that an unchanged re-run passes, from what came of earlier ones, and what it is worth.

Levels from broad to narrow: the category, the rule, the fingerprint. Each has a Beta posterior
whose prior has the mean of the level above and the weight of `WEIGHT` outcomes, so a level speaks
up as its own outcomes come in, and until then repeats the broader one (partial pooling; Gelman et
al., Bayesian Data Analysis, 3rd ed., section 5.3). No outcome counts on two levels.
"""

from dataclasses import dataclass
from typing import Final

FIRST: Final = 0.7
"""Chance of a transient failure of which no outcome at all is known: below what rules and model
reach across folds when they say transient, because production is less kind than a corpus."""
WEIGHT: Final = 2.0
"""Outcomes that the level above counts for: two of a kind weigh as much as all that is broader."""
PROVEN: Final = 2
"""Passes of an unchanged re-run that make a failure flaky, whatever its log reads like: one may be
a cause that somebody mended meanwhile."""
NAMELESS: Final = frozenset({"unknown", "cancelled", "none"})
"""Categories without a cause: two such failures may share no more than their exit code."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Re-runs of one commit that ended, and those of them that passed."""

    passed: int = 0
    ended: int = 0

    @property
    def proves_flaky(self) -> bool:
        """Unchanged re-runs have passed more than once, and at least as often as not."""
        return self.passed >= PROVEN and 2 * self.passed >= self.ended

    def minus(self, part: "Tally") -> "Tally":
        """What is left without `part`, which is contained in it."""
        return Tally(self.passed - part.passed, self.ended - part.ended)


@dataclass(frozen=True, slots=True)
class Record:
    """Outcomes of a failure's kind; each level holds what the narrower ones do not."""

    category: Tally = Tally()
    rule: Tally = Tally()
    fingerprint: Tally = Tally()


@dataclass(frozen=True, slots=True)
class Level:
    """One level's outcomes and the chance after they were taken in."""

    name: str
    tally: Tally
    chance: float


def levels(record: Record) -> tuple[Level, ...]:
    """The chance from level to level, the broadest first; the last one is the answer."""
    found: list[Level] = []
    chance = FIRST
    for name in ("category", "rule", "fingerprint"):
        tally: Tally = getattr(record, name)
        chance = (WEIGHT * chance + tally.passed) / (WEIGHT + tally.ended)
        found.append(Level(name, tally, chance))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Worth:
    """What a re-run is expected to save and what it costs, both in minutes of a person."""

    chance: float
    gain: float
    cost: float

    @property
    def pays(self) -> bool:
        """The expected gain beats the cost."""
        return self.gain > self.cost


def weigh(record: Record, *, green_saves: float, cost: float) -> Worth:
    """Weigh one more re-run of `cost` minutes against a green that saves a person `green_saves`."""
    chance = levels(record)[-1].chance
    return Worth(chance, chance * green_saves, cost)


def is_flaky(category: str, known: Tally, *, transient: bool) -> bool:
    """Does it read as genuine, yet history shows that it passes unchanged?

    `known` is what came of re-runs of the very same failure.
    """
    return not transient and category not in NAMELESS and known.proves_flaky
