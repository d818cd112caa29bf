"""Orders hits so that the line which names the cause comes first."""

from collections.abc import Sequence
from typing import Final

from pipeline_guard.rules.hits import RuleHit

STRENGTH: Final = {"cause": 3, "symptom": 2, "verdict": 1, "consequence": 0}


def rank(hits: Sequence[RuleHit]) -> list[RuleHit]:
    """Order hits, most telling first.

    1. By strength: cause, symptom, verdict, consequence.
    2. Then by the log's order, earliest first: what failed first is rarely a consequence.
    """
    unique = {(hit.rule.id, hit.part, hit.line): hit for hit in hits}
    return sorted(unique.values(), key=lambda h: (-STRENGTH[h.rule.strength], h.order))
