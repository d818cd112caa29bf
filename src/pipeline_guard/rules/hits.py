"""One rule meeting one line."""

from dataclasses import dataclass, field

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
