"""Last look: a planned step is held against policy and switches once more before it is done.

A re-run may have waited for its time, and people may have meant to stop it meanwhile.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, cast

import structlog

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.dispatch import OTHER_RUNNER
from pipeline_guard.domain.plan import FailureStatus, Refusal, Step, stored_plan
from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.context import Context, report_lock, run_key
from pipeline_guard.stages.decide.facts import Facts, stored_diagnosis
from pipeline_guard.stages.decide.guards import (
    Guard,
    kill_switch,
    maintenance,
    mode,
    never_rerun,
    switched_off,
)
from pipeline_guard.store import failures, switches
from pipeline_guard.store.tables import Failure

ALWAYS: Final[tuple[Guard, ...]] = (maintenance, kill_switch, switched_off, mode)

log = structlog.get_logger(__name__)


async def stopped(
    context: Context, adapter: Platform, run: Run, step: Step, served: Sequence[Failure]
) -> bool:
    """Must the step be left undone? Then the failures' plans say why, and people have the word.

    Raises PlatformError when the policy cannot be read now.
    """
    policy = await context.policies.of_run(adapter, run)
    async with context.database.transaction() as session:
        off_by = await switches.off_by(session, run.platform, run.repository)
        found = None
        for failure in served:
            facts = Facts(
                run,
                _job(failure),
                stored_diagnosis(failure.diagnosis),
                adapter.capabilities,
                switched_off=off_by,
            )
            found = found or _refusal(facts, policy.of_job(failure.job).policy, step)
        if found is None:
            return False
        for failure in served:
            kept = await failures.get(session, failure.id)
            if kept is not None:
                _refuse(kept, found)
        await context.queue.defer(session, "report", run_key(run), lock=report_lock(run))
    log.warning(
        "not_acted", repository=run.repository, run=run.run_id, kind=step.kind, guard=found.guard
    )
    return True


def _refusal(facts: Facts, policy: Policy, step: Step) -> Refusal | None:
    if "asked_by" in step.params and policy.mode == "suggest":
        policy = policy.model_copy(update={"mode": "act"})  # a person has decided
    if step.params.get("scope") == OTHER_RUNNER:
        wanted = policy.other_runner.wanted
        if wanted != (step.params["input"], step.params["label"]):
            return Refusal(OTHER_RUNNER, "The policy does not name this runner any more.", "rerun")
    now = datetime.now(UTC)
    for guard in (never_rerun, *ALWAYS) if step.kind == "rerun" else ALWAYS:
        reason = guard(facts, policy, now)
        if reason:
            return Refusal(guard.__name__, reason, step.kind)
    return None


def _job(failure: Failure) -> Job:
    """The job, with what it deploys to, as it was when its re-run was planned."""
    told = (failure.plan.get("facts") or {}).get("job") or {}
    return Job(failure.job_id, failure.job, "failure", environment=told.get("environment"))


def _refuse(failure: Failure, refusal: Refusal) -> None:
    """Keep the refusal beside the step; what waited for a re-run waits no more."""
    plan = stored_plan(failure.plan)
    waits = refusal.step == "rerun" and failure.status == "healing"
    status = "open" if waits else failure.status
    plan = replace(plan, refusals=(*plan.refusals, refusal), status=cast("FailureStatus", status))
    failures.plan_anew(failure, plan)
