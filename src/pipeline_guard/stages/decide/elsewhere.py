"""Elsewhere: whether the last re-run that is allowed is made on another runner, and why not.

Only what asks for it is told about it, in the plan's notes: the ordinary re-run stays the plan
wherever anything speaks against a new run.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from pipeline_guard.domain.dispatch import OTHER_RUNNER, OtherRunner
from pipeline_guard.domain.plan import Plan, Step
from pipeline_guard.stages.decide.case import Case
from pipeline_guard.stages.decide.choice import price
from pipeline_guard.stages.decide.facts import Spent
from pipeline_guard.stages.decide.guards import over_budget


def elsewhere(plan: Plan, case: Case, taken: Sequence[Case], *, together: bool) -> Plan:
    """The plan with another runner for its re-run, or with a note why it has none.

    `taken` are the failures that the re-run is for; of a run's failures each gets the same step.
    """
    if not plan.steps or not _asks(case):
        return plan
    reason = _alone(case, together) or next((r for check in _CHECKS if (r := check(taken))), None)
    found = case.facts.other_runner
    if reason is not None or found is None:
        return replace(plan, notes=(*plan.notes, f"Not on another runner: {reason}"))
    params: dict[str, Any] = {"scope": OTHER_RUNNER, "input": found.input, "label": found.label}
    costs = _costs(case, found)
    params |= {"minutes": round(costs.minutes, 2)} if costs.minutes else {}
    params |= {"money": round(costs.money, 4)} if costs.money else {}
    why = f"{plan.summary} It is run anew on another runner, {found.input}: {found.label}."
    return replace(plan, steps=(Step("rerun", params, why),), summary=why)


def _asks(case: Case) -> bool:
    wish = case.policy.other_runner
    named = case.facts.diagnosis.category in wish.categories
    return wish.wanted is not None and named and case.is_last


def _alone(case: Case, together: bool) -> str | None:
    """A new run starts all jobs, so all that failed must be allowed to be re-run."""
    return None if together else "Other failed jobs of the run must not be re-run."


def _unable(taken: Sequence[Case]) -> str | None:
    facts = taken[0].facts
    if "rerun_other_runner" in facts.capabilities:
        return None
    return f"{facts.run.platform} starts no run with another runner."


def _at_odds(taken: Sequence[Case]) -> str | None:
    wishes = {case.policy.other_runner.wanted for case in taken}
    if len(wishes) == 1 and all(_asks(case) for case in taken):
        return None
    return "The run's other failed jobs do not ask for the same."


def _probes(taken: Sequence[Case]) -> str | None:
    """What passes elsewhere does not show that an incident is over."""
    found = next((case.facts.incident for case in taken if case.facts.incident), None)
    return f"The re-run is to show whether incident {found.id} is over." if found else None


def _not_allowed(taken: Sequence[Case]) -> str | None:
    for case in taken:
        read = case.facts.other_runner
        if read is None or (read.input, read.label) != case.policy.other_runner.wanted:
            return "What the workflow takes was not read."
        if read.against is not None:
            return read.against
    return None


def _too_dear(taken: Sequence[Case]) -> str | None:
    for case in taken:
        if (found := case.facts.other_runner) is not None:
            reason = over_budget(case.facts, case.policy, _costs(case, found))
            if reason is not None:
                return reason
    return None


_CHECKS: Final[tuple[Callable[[Sequence[Case]], str | None], ...]] = (
    _unable,
    _at_odds,
    _probes,
    _not_allowed,
    _too_dear,
)


def _costs(case: Case, found: OtherRunner) -> Spent:
    """What a new run takes: all jobs of the run again, at the price of the other runner."""
    return Spent(1, found.minutes, price((found.label,), case.policy) * found.minutes)
