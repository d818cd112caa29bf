"""Patch on a person's word: proposes what was only suggested, within the guards that hold for all.

In the mode `suggest` a person's word is what was waited for; in `observe` nothing is ever done. A
proposal that somebody closed is made again when somebody asks for it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.plan import Mode, Plan, Refusal, Step, StepKind, stored_plan
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.act.start import start
from pipeline_guard.stages.context import Context
from pipeline_guard.stages.decide.facts import from_json
from pipeline_guard.stages.decide.proposers import patch
from pipeline_guard.stages.decide.proposers.base import Proposer
from pipeline_guard.stages.gather.gather import Ready
from pipeline_guard.stages.people.retry import Retried
from pipeline_guard.store import failures
from pipeline_guard.store.tables import Failure

OFFERS: Final[dict[StepKind, Proposer]] = {"patch": patch.propose}
"""What `/guard patch` may bring about."""


async def propose_now(
    context: Context,
    session: AsyncSession,
    runs: Sequence[Ready],
    found: Sequence[Failure],
    asked_by: str,
    comment_id: str,
) -> Retried:
    """Plan the proposals that these failures have, now; the act job does the rest.

    All in the caller's transaction: with its rollback nothing was planned.
    """
    ready_of = {item.run.run_id: item for item in runs}
    told: dict[str, None] = {}
    coming = 0
    for seen in found:
        ready = ready_of.get(seen.run_id)
        failure = await failures.get(session, seen.id)  # as it is in this transaction
        if ready is None or failure is None or failure.status == "ignored":
            continue
        plan = _anew(failure, ready)
        steps = [step for step in plan.live if step.kind in OFFERS]
        if not steps:
            told |= {item.reason: None for item in plan.refusals if item.step in OFFERS}
            continue
        failures.plan_anew(failure, _by_person(plan, asked_by, comment_id))
        run = replace(ready.run, attempt=failure.run_attempt)
        await start(context, session, run, [stored_plan(failure.plan)])
        coming += len(steps)
    if coming:
        return Retried(True, f"{coming} change(s) are being proposed.")
    return Retried(False, " ".join(("There is no change to propose.", *told)))


def _anew(failure: Failure, ready: Ready) -> Plan:
    """The stored plan with its offers decided again, for the run and the policy as they are."""
    kept = stored_plan(failure.plan)
    if not kept.facts:
        return kept
    # Whoever asks for it does not mind that it was closed before.
    facts = replace(from_json(kept.facts, failure.diagnosis), run=ready.run, declined=())
    policy = _as_asked(ready.policy.of_job(failure.job).policy)
    plan = replace(
        kept,
        steps=tuple(item for item in kept.steps if item.kind not in OFFERS),
        refusals=tuple(item for item in kept.refusals if item.step not in OFFERS),
    )
    for propose in OFFERS.values():
        offered = propose(facts, policy, plan, datetime.now(UTC))
        plan = replace(
            plan,
            steps=(*plan.steps, *(item for item in offered if isinstance(item, Step))),
            refusals=(*plan.refusals, *(item for item in offered if isinstance(item, Refusal))),
        )
    return plan


def _as_asked(policy: Policy) -> Policy:
    """In `suggest` a person decides, and here one has."""
    return policy.model_copy(
        update={
            "mode": _raised(policy.mode),
            "patch": policy.patch.model_copy(update={"mode": _raised(policy.patch.mode)}),
        }
    )


def _raised(mode: Mode) -> Mode:
    return "act" if mode == "suggest" else mode


def _by_person(plan: Plan, asked_by: str, comment_id: str) -> Plan:
    """The same with the offers as this person's, each another action than ours would be."""
    asked = {"asked_by": asked_by, "comment": comment_id}
    steps = (
        replace(step, params={**step.params, **asked}, why=f"{asked_by} has asked for it.")
        if step.kind in OFFERS
        else step
        for step in plan.steps
    )
    return replace(plan, steps=tuple(steps))
