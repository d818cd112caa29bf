"""Cancel: a re-run of ours that nobody waits for any more is planned to be stopped."""

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.plan import Step, stored_plan
from pipeline_guard.domain.runs import Run
from pipeline_guard.stages.context import Context, lock_of, run_key
from pipeline_guard.stages.decide.facts import Facts, from_json
from pipeline_guard.stages.decide.guards import protecting
from pipeline_guard.stages.decide.proposers import cancel
from pipeline_guard.stages.gather.gather import with_environments
from pipeline_guard.stages.gather.policies import RunPolicy
from pipeline_guard.store import failures, switches
from pipeline_guard.store.tables import Failure


async def cancel_superseded(context: Context, platform: Platform, run: Run) -> bool:
    """Plan to cancel the run, if it is our re-run and a newer commit replaced it; was it planned?

    Raises PlatformError when the policy cannot be read now.
    """
    if run.head_sha in (None, run.commit):
        return False
    policy = await context.policies.of_run(platform, run)
    run = await with_environments(platform, run)
    async with context.database.transaction() as session:
        known = await failures.of_run(session, run.platform, run.repository, run.run_id)
        waiting = [item for item in known if item.status == "healing"]
        if not waiting:
            return False
        facts = await _facts(session, platform, run, policy, waiting[-1])
        offered = cancel.propose(facts, policy.of_job(facts.job.name).policy, datetime.now(UTC))
        steps = [item for item in offered if isinstance(item, Step)]
        if not steps or len(steps) < len(offered):
            return False
        return await _plan(context, session, run, waiting[-1], steps[0])


async def _facts(
    session: AsyncSession, platform: Platform, run: Run, policy: RunPolicy, failure: Failure
) -> Facts:
    """What the re-run was decided by, with the run as it is now."""
    return replace(
        from_json(failure.plan["facts"], failure.diagnosis),
        run=run,
        capabilities=platform.capabilities,
        protected_beside=tuple(
            job.name for job in run.jobs if protecting(job, policy.of_job(job.name).policy)
        ),
        switched_off=await switches.off_by(session, run.platform, run.repository),
    )


async def _plan(
    context: Context, session: AsyncSession, run: Run, failure: Failure, step: Step
) -> bool:
    plan = stored_plan(failure.plan)
    if any(item.kind == "cancel" for item in plan.steps):
        return False
    failures.plan_anew(failure, replace(plan, steps=(*plan.steps, step)))
    attempt = {"attempt": failure.run_attempt}
    await context.queue.defer(session, "act", run_key(run) | attempt, lock=lock_of(run))
    return True
