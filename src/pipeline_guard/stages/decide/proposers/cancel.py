"""Proposes to cancel a re-run of ours that still runs for a commit that was replaced."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pipeline_guard.domain.plan import Refusal, Step
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.decide.facts import Facts
from pipeline_guard.stages.decide.guards import (
    Guard,
    kill_switch,
    maintenance,
    superseded,
    switched_off,
)
from pipeline_guard.stages.decide.proposers.base import weigh


def propose(facts: Facts, policy: Policy, now: datetime) -> Sequence[Step | Refusal]:
    """The cancelling, or what speaks against it; nothing for a run whose commit is the newest.

    Not one of the others' list: they decide on a run that is over, this one on a run that is not.
    `facts.protected_beside` names the protected jobs of the whole run.
    """
    run = facts.run
    if not policy.cancel.enabled or run.completed or superseded(facts, policy, now) is None:
        return ()
    params = {"commit": run.commit or "", "head": run.head_sha or ""}
    step = Step("cancel", params, "A newer commit has replaced it.", f"{run.run_id}/{run.attempt}")
    return weigh(step, GUARDS, "act", facts, policy, now, always=ALWAYS)


def holds_protected(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """What deploys or releases must not be stopped half way."""
    if not facts.protected_beside:
        return None
    return f"The run holds protected jobs: {', '.join(facts.protected_beside)}."


GUARDS: Final[tuple[Guard, ...]] = (holds_protected,)
ALWAYS: Final[tuple[Guard, ...]] = (maintenance, kill_switch, switched_off)
