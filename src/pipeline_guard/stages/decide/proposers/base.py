"""What a proposer is, and the questions that every step but a re-run must stand up to."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from pipeline_guard.domain.plan import Mode, Plan, Refusal, Step, StepKind
from pipeline_guard.policy.schema import Policy
from pipeline_guard.remedies import REMEDIES
from pipeline_guard.stages.decide.facts import Facts
from pipeline_guard.stages.decide.guards import (
    IDLE,
    Guard,
    kill_switch,
    maintenance,
    own_actor,
    superseded,
    switched_off,
)

Proposer = Callable[[Facts, Policy, Plan, datetime], Sequence[Step | Refusal]]
"""Pure: of the facts, the policy, the plan so far (its re-run is decided) and the time, the steps
it would take and what speaks against them; nothing where its remedy has nothing to offer."""

ALWAYS: Final[tuple[Guard, ...]] = (superseded, own_actor, maintenance, kill_switch, switched_off)
_RANK: Final[dict[Mode, int]] = {"observe": 0, "suggest": 1, "act": 2}


def weigh(
    step: Step,
    guards: Sequence[Guard],
    own_mode: Mode,
    facts: Facts,
    policy: Policy,
    now: datetime,
    *,
    always: Sequence[Guard] = ALWAYS,
) -> tuple[Step | Refusal, ...]:
    """The step with all that speaks against it, or that alone where the step is doubted.

    `guards` are the remedy's own, `own_mode` is the mode that its block of the policy names.
    Guards that only keep hands still (IDLE) leave the step in the plan, as what would be done.
    """
    found = [(guard.__name__, guard(facts, policy, now)) for guard in (*guards, *always)]
    found.append(("possible", _impossible(step.kind, facts)))
    found.append(("mode", _only_act_acts(step.kind, policy.mode, own_mode)))
    against = tuple(Refusal(name, reason, step.kind) for name, reason in found if reason)
    doubted = any(item.guard not in IDLE for item in against)
    return against if doubted else (step, *against)


def refused_before(
    facts: Facts, kind: StepKind, fingerprint: str, paths: Sequence[str] | None = None
) -> str | None:
    """That the same was proposed before and not wanted, in words; None where it was not.

    With `paths`, only a proposal for the same files is the same.
    """
    for item in facts.declined:
        same = (item.kind, item.fingerprint) == (kind, fingerprint)
        if same and (paths is None or item.paths == tuple(sorted(paths))):
            how = "closed as not planned" if kind == "issue" else "closed without being merged"
            return f"It was proposed before as #{item.number}, which was {how}."
    return None


def _impossible(kind: StepKind, facts: Facts) -> str | None:
    if facts.capabilities & REMEDIES[kind].needs_one_of:
        return None
    return f"{facts.run.platform} offers no way to do it."


def _only_act_acts(kind: StepKind, mode: Mode, own_mode: Mode) -> str | None:
    """Of the mode and the remedy's own, the lower counts."""
    key, lower = ("mode", mode) if _RANK[mode] <= _RANK[own_mode] else (f"{kind}.mode", own_mode)
    if lower == "act":
        return None
    return f"{key} is {lower}: this is what would have been done."
