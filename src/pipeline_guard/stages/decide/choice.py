"""The arithmetic of "is one more re-run worth it", computed for a decision and told to people."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline_guard.domain.chance import FIRST, Worth, levels, weigh
from pipeline_guard.policy.patterns import fits_runner
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.decide.facts import Facts


def weighed(facts: Facts, policy: Policy) -> Worth:
    """What one more re-run is worth, by the policy's values."""
    values = policy.worth
    cost = values.rerun_costs + values.minute_costs * facts.minutes
    cost += 60 * money(facts, policy) / values.hour_costs
    return weigh(facts.outcomes, green_saves=values.green_saves, cost=cost)


def money(facts: Facts, policy: Policy) -> float:
    """What a re-run of the job costs, by the price of its runner's minutes; 0 without a price."""
    return price(facts.job.runner, policy) * facts.minutes


def price(runner: Sequence[str], policy: Policy) -> float:
    """What a minute on a runner with these labels costs; 0 without a price."""
    found = 0.0
    for pattern, per_minute in policy.prices.items():
        if any(fits_runner(label, pattern) for label in runner or ("",)):
            found = per_minute
    return found


def choice(facts: Facts, policy: Policy) -> dict[str, Any]:
    """Every number of it as JSON-ready data, to be stored with the plan; minutes throughout."""
    found = weighed(facts, policy)
    return {
        "levels": [
            {
                "name": level.name,
                "passed": level.tally.passed,
                "ended": level.tally.ended,
                "chance": round(level.chance, 4),
            }
            for level in levels(facts.outcomes)
        ],
        "chance": round(found.chance, 4),
        "green_saves": policy.worth.green_saves,
        "gain": round(found.gain, 2),
        "rerun_costs": policy.worth.rerun_costs,
        "minute_costs": policy.worth.minute_costs,
        "minutes": round(facts.minutes, 2),
        "money": round(money(facts, policy), 4),
        "hour_costs": policy.worth.hour_costs,
        "cost": round(found.cost, 2),
        "pays": found.pays,
    }


def told(kept: Mapping[str, Any] | None) -> list[str]:
    """The stored arithmetic in sentences; nothing of a plan that is older than it."""
    if not kept:
        return []
    lines = [f"that a re-run passes: {FIRST:.2f} to begin with"]
    for level in kept["levels"]:
        other = "" if level["name"] == "fingerprint" else "other "
        lines.append(
            f"{level['passed']} of {level['ended']} {other}re-runs of this {level['name']} passed:"
            f" {level['chance']:.2f}"
        )
    priced = ""
    if kept.get("money"):
        priced = f" + {kept['money']:g} at {kept['hour_costs']:g} an hour"
    verdict = "it pays" if kept["pays"] else "it does not pay"
    lines.append(
        f"gain {kept['chance']:.2f} x {kept['green_saves']:g} = {kept['gain']:.1f} minutes of a"
        f" person, cost {kept['rerun_costs']:g} + {kept['minute_costs']:g} x"
        f" {kept['minutes']:.1f}{priced} = {kept['cost']:.1f}: {verdict}"
    )
    return lines
