"""One rule meeting one line."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import re2

from pipeline_guard.redaction.known import MASK
from pipeline_guard.rules.schema import Rule


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A line that a rule hits: `line` is its 1-based raw number within `part`.

    `text` is the cleaned line, not redacted yet; `captures` are the pattern's named groups.
    `order` grows over the whole log, across its parts.
    """

    rule: Rule
    line: int
    part: str | None
    text: str
    captures: dict[str, str] = field(default_factory=dict)
    order: int = 0


SHOWN: Final = 1_000
"""Characters of a line that are shown; nobody reads further."""
_BEFORE: Final = SHOWN // 3
_GAP: Final = re.compile(r"[\s,;&]")


def around(rule: Rule, text: str) -> str:
    """Give what of a hit line is shown: of a long one what stands around the match.

    `text` is redacted already. It is cut between words: the rest of a secret that a window of the
    scanner cut in two would be none to the redactor.
    """
    if len(text) <= SHOWN:
        return text
    found = (re2.search(pattern, text) for pattern in rule.patterns.everything())
    at = min((match.start() for match in found if match is not None), default=0)
    start = max(0, at - _BEFORE)
    if start and (gap := _GAP.search(text, start, at)):
        start = gap.end()
    shown = text[start : start + SHOWN]
    if start + SHOWN < len(text):
        gaps = [gap.start() for gap in _GAP.finditer(shown, SHOWN // 2)]
        shown = shown[: gaps[-1] if gaps else SHOWN] + " …"
    return f"… {shown}" if start else shown


def masked_captures(hit: RuleHit, redact: Callable[[str], str]) -> dict[str, str]:
    """Give a hit's captures fit to be shown and stored.

    A captured password stands alone, without the name that gives it away; so what the redacted
    line does not hold any more is masked, too.
    """
    line = redact(hit.text)
    masked = {name: redact(value) for name, value in hit.captures.items()}
    return {
        name: MASK if value == hit.captures[name] and value not in line else value
        for name, value in masked.items()
    }
