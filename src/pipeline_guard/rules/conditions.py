"""Decides whether the circumstances a rule asks for were met in a log."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

import re2

from pipeline_guard.logs.steps import StepTree
from pipeline_guard.rules.hits import RuleHit
from pipeline_guard.rules.schema import Rule

EXIT_CODE: Final = (
    r"(?i)(?:exit(?:ed)?(?: with)?(?: code| status)?:?|non-zero code:|error code:?) *(\d{1,3})\b"
)
"""How the platforms and tools print the code a command ended with."""


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


def holds(rule: Rule, index: int, hit: RuleHit, facts: Facts, steps: StepTree | None) -> bool:
    """Tell whether a hit counts. A platform nobody named rules nothing out."""
    where = rule.where
    return (
        (rule.expires is None or facts.today <= rule.expires)
        and (not where.platform or facts.platform is None or facts.platform in where.platform)
        and (not where.exit_code or facts.exit_code in where.exit_code)
        and (where.tail is None or hit.order > facts.last - where.tail)
        and (not where.log_has or (index, "has") in facts.met)
        and (index, "lacks") not in facts.met
        and (where.step is None or _in_step(where.step, hit, steps))
    )


def _in_step(pattern: str, hit: RuleHit, steps: StepTree | None) -> bool:
    names = steps.step_of(hit.line, hit.part) if steps is not None else ()
    return any(re2.search(pattern, name) is not None for name in names)
