"""Decides whether the circumstances a rule asks for were met in a log."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

import re2

from pipeline_guard.logs.steps import StepTree
from pipeline_guard.rules.hits import RuleHit
from pipeline_guard.rules.schema import Rule

EXIT_CODE: Final = (
    r"(?i)(?:exit(?:ed)?(?: with)?(?: code| status)?:?|non-zero code:|error code:?) *(-?\d{1,10})\b"
)
"""How the platforms and tools print the code a command ended with; Windows has long ones."""


@dataclass(slots=True)
class Facts:
    """What a rule's conditions ask about: known in full only when the log has ended."""

    platform: str | None = None
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    part: str | None = None
    last: int = 0
    """Lines so far, over all parts."""
    exit_code: int | None = None
    """The last one printed."""
    met: set[tuple[int, str]] = field(default_factory=set)


def unmet(rule: Rule, index: int, hit: RuleHit, facts: Facts, steps: StepTree | None) -> str | None:
    """Name the first condition for which a hit does not count, or None when it counts.

    A platform nobody named rules nothing out.
    """
    where = rule.where
    conditions = (
        ("expires", rule.expires is not None and facts.today > rule.expires),
        ("where.platform", where.platform and facts.platform not in (None, *where.platform)),
        ("where.exit_code", where.exit_code and facts.exit_code not in where.exit_code),
        ("where.tail", where.tail is not None and hit.order <= facts.last - where.tail),
        ("where.log_has", where.log_has and (index, "has") not in facts.met),
        ("where.log_lacks", (index, "lacks") in facts.met),
        ("where.step", where.step is not None and not _in_step(where.step, hit, steps)),
    )
    return next((name for name, fails in conditions if fails), None)


def _in_step(pattern: str, hit: RuleHit, steps: StepTree | None) -> bool:
    names = steps.step_of(hit.line, hit.part) if steps is not None else ()
    return any(re2.search(pattern, name) is not None for name in names)
