"""The one formula that turns what rules and model say into a category and a confidence.

For every category c that a rule named or the model knows,

    score(c) = a * ln(max(m(c), 0.02)) + b[s(c)] + d * first(c) + e * ln(t(c)) + f * near(c)
               + g * last(c) - h * outlived(c)

and confidence(c) = exp(score(c)) / sum over all categories. Here m is the model's calibrated
probability; s(c) is the strongest kind of rule hit for c (cause, symptom, verdict, consequence, or
nothing, whose b is 0); first(c) is 1 for the category of the hit that ranks first, last(c) for
that of the last hit before the job stopped; t(c) is the trust in the best such rule, its share of
right calls in training (ln(t) is 0 without any); near(c) tells how near to the line at which the
job stopped such a hit is, from 0 to 1; outlived(c) tells how far the job came after the last hit
for c before something was compiled, tested or linted and failed, from 0 to 1: who got that far was
hardly stopped by what went wrong while things were set up. Rules and model that agree add up; where
they disagree the confidence is shared between their categories, so it falls. The numbers a to h are
fitted by `train` on predictions made across folds and stored with the model.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PARAMETERS = (
    "model",
    "cause",
    "symptom",
    "verdict",
    "consequence",
    "first",
    "trust",
    "near",
    "last",
    "outlived",
)
BY_HAND: Mapping[str, float] = dict(
    zip(PARAMETERS, (0.6, 3.0, 2.0, 1.5, 0.3, 0.5, 1.0, 1.5, 0.5, 1.0), strict=True)
)
"""Used when there is no model, so nothing was fitted."""
UNTRIED = 0.75
"""Trust in a rule that training never saw at work."""
_FLOOR = 0.02
"""What a rare category is worth at least: a model that met it twice cannot rule it out."""
_FAR = math.log(100_000)
_LONG = math.log(1_000)
WORK = frozenset({"compile_error", "test_failure", "lint_format"})
"""What a job does with what was set up before."""
_ORDER = ("cause", "symptom", "verdict", "consequence")
_FAILED_WORK = ("cause", "verdict")


@dataclass(frozen=True, slots=True)
class Vote:
    """A rule's word for a category: its strength, how near to the stop (0 to 1), our trust.

    `order` is the hit's line in the whole log.
    """

    category: str
    strength: str
    near: float = 1.0
    trust: float = UNTRIED
    order: int = 0


def inputs(
    votes: Sequence[Vote], model: Mapping[str, float], ends: tuple[str | None, str | None]
) -> dict[str, tuple[float, ...]]:
    """The ten inputs of the formula for every category.

    `ends` are the categories of the hit that ranks first, and of the last before the stop.
    """
    named: dict[str, list[Vote]] = {}
    for vote in votes:
        named.setdefault(vote.category, []).append(vote)
    floor = math.log(_FLOOR)
    worked = max(
        (v.order for v in votes if v.category in WORK and v.strength in _FAILED_WORK), default=0
    )
    rows: dict[str, tuple[float, ...]] = {}
    for category in sorted({*model, *named}):
        own = named.get(category, [])
        best = min((_ORDER.index(vote.strength) for vote in own), default=None)
        chance = model.get(category, 0.0)
        rows[category] = (
            math.log(max(chance, _FLOOR)) if model else floor,
            *(1.0 if best == index else 0.0 for index in range(len(_ORDER))),
            1.0 if category == ends[0] else 0.0,
            math.log(_trust(own, best)) if best is not None else 0.0,
            max((vote.near for vote in own if _ORDER.index(vote.strength) == best), default=0.0),
            1.0 if category == ends[1] else 0.0,
            -_outlived(category, own, worked),
        )
    return rows


def combine(
    votes: Sequence[Vote],
    model: Mapping[str, float],
    ends: tuple[str | None, str | None],
    parameters: Mapping[str, float],
) -> dict[str, float]:
    """Confidence of each category, adding up to one; empty when nobody says anything."""
    rows = inputs(votes, model, ends)
    if not rows:
        return {}
    # A model trained before an input was thought of gives it no weight.
    factors = [parameters.get(name, 0.0) for name in PARAMETERS]
    scores = {
        category: sum(factor * value for factor, value in zip(factors, row, strict=True))
        for category, row in rows.items()
    }
    top = max(scores.values())
    powers = {category: math.exp(score - top) for category, score in scores.items()}
    total = sum(powers.values())
    return {category: power / total for category, power in powers.items()}


def _outlived(category: str, own: Sequence[Vote], worked: int) -> float:
    """0 to 1: how long the job went on, behind the last hit, until work failed at line `worked`."""
    if category in WORK or not own:
        return 0.0
    gap = worked - max(vote.order for vote in own)
    return min(1.0, math.log1p(gap) / _LONG) if gap > 0 else 0.0


def _trust(votes: Sequence[Vote], best: int) -> float:
    return max(vote.trust for vote in votes if _ORDER.index(vote.strength) == best)


def nearness(line: int, stopped_at: int) -> float:
    """1 at the line where the job stopped, falling with the logarithm of the distance.

    What comes after the stop is clean-up, so its distance counts four times.
    """
    distance = stopped_at - line if line <= stopped_at else 4 * (line - stopped_at)
    return max(0.0, 1.0 - math.log1p(distance) / _FAR)
