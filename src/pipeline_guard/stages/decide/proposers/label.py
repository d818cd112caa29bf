"""Proposes a label by category on the request whose failure no re-run will heal."""

from collections.abc import Sequence
from datetime import datetime

from pipeline_guard.domain.plan import Plan, Refusal, Step
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.decide.facts import Facts
from pipeline_guard.stages.decide.proposers.base import weigh


def propose(facts: Facts, policy: Policy, plan: Plan, now: datetime) -> Sequence[Step | Refusal]:
    """The label, or what speaks against it; nothing while a re-run may still heal it."""
    request, category = facts.run.request, facts.diagnosis.category
    if not policy.label.enabled or request is None or plan.status == "healing":
        return ()
    if category in ("none", "cancelled"):
        return ()
    label = f"{policy.label.prefix}{category}"
    once = f"{facts.run.run_id}/{facts.run.attempt}/{label}"
    params = {"number": request.number, "label": label}
    step = Step("label", params, f"The request has a failure of the kind {category}.", once)
    return weigh(step, (), "act", facts, policy, now)
