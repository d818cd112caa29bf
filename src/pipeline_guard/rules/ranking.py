"""Orders hits so that the line which names the cause comes first."""

from collections.abc import Sequence
from typing import Final

from pipeline_guard.domain.diagnosis import TRANSIENT_BY_NATURE
from pipeline_guard.rules.hits import RuleHit
from pipeline_guard.rules.schema import Rule

STRENGTH: Final = {"cause": 3, "symptom": 2, "verdict": 1, "consequence": 0}


_FAILED: Final = ("verdict", "consequence")


def rank(hits: Sequence[RuleHit]) -> list[RuleHit]:
    """Order hits, most telling first.

    1. When the platform's last word is that the job passed, that line is first.
    2. By strength: cause, symptom, verdict, consequence.
    3. Within one strength, what a re-run would heal stands behind a lasting cause further down:
       the job went on after it, so it was not what ended the job.
    4. Then by the log's order: what failed first is rarely a consequence.
    """
    unique = list({(hit.rule.id, hit.part, hit.line): hit for hit in hits}.values())
    lasting: dict[str, int] = {}
    for hit in unique:
        if not transient(hit.rule):
            lasting[hit.rule.strength] = max(lasting.get(hit.rule.strength, -1), hit.order)
    passed = _passed(unique)

    def key(hit: RuleHit) -> tuple[bool, int, bool, int]:
        outlived = transient(hit.rule) and lasting.get(hit.rule.strength, -1) > hit.order
        first = passed and hit.rule.category == "none"
        return (not first, -STRENGTH[hit.rule.strength], outlived, hit.order)

    return sorted(unique, key=key)


def transient(rule: Rule) -> bool:
    """Would an unchanged re-run plausibly pass, by the rule or else by its category?"""
    if rule.transient is not None:
        return rule.transient
    return rule.category in TRANSIENT_BY_NATURE


def _passed(hits: Sequence[RuleHit]) -> bool:
    """Tell whether the last closing word of the log is one of success."""
    closing = [hit for hit in hits if hit.rule.strength in _FAILED]
    return bool(closing) and max(closing, key=lambda hit: hit.order).rule.category == "none"
