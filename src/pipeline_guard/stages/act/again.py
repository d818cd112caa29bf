"""Again: decide anew on failures that had to wait, once what they waited for is over."""

from datetime import UTC, datetime

from pipeline_guard.domain.events import known_run
from pipeline_guard.errors import NotFound
from pipeline_guard.stages.act.start import start
from pipeline_guard.stages.breakers import incidents
from pipeline_guard.stages.breakers.limits import within_limits
from pipeline_guard.stages.context import Context, report_lock, run_key
from pipeline_guard.stages.decide.decide import decide
from pipeline_guard.stages.decide.facts import stored_diagnosis
from pipeline_guard.stages.gather.gather import gather, ready_for
from pipeline_guard.store import failures
from pipeline_guard.store.tables import Failure

WAITING = frozenset({"incident"})
"""Guards whose refusal ends by itself: of these failures the decision is made anew."""


@within_limits
async def decide_again(context: Context, platform: str, repository: str, run_id: str) -> str:
    """Decide anew on a run's waiting failures; returns what came of it, in a sentence.

    Raises PlatformError when it is worth another try later.
    """
    adapter = context.platform(platform).platform
    async with context.database.transaction() as session:
        known = await failures.of_run(session, platform, repository, run_id)
    number = known[-1].request_number if known else None
    try:
        run = await adapter.read_run(known_run(platform, repository, run_id, number))
    except NotFound:
        return "The run is gone."
    if not run.completed:
        return "The run is under way again: its end decides."
    policy = await context.policies.of_run(adapter, run)
    ready = await ready_for(adapter, run, policy)
    now = datetime.now(UTC)
    async with context.database.transaction() as session:
        known = await failures.of_run(session, platform, repository, run_id)
        stored = {
            item.job_id: item
            for item in known
            if item.run_attempt == run.attempt and item.status == "open" and _waits(item)
        }
        jobs = [job for job in run.failed_jobs if job.id in stored]
        if not jobs:
            return "Nothing waits any more."
        failed = [(job, stored_diagnosis(stored[job.id].diagnosis)) for job in jobs]
        gathered = await gather(session, adapter, ready, failed, now, anew=True)
        gathered = [
            item.remembering(stored[job.id]) for job, item in zip(jobs, gathered, strict=True)
        ]
        plans = decide([item.case for item in gathered], now)
        for job, item, plan in zip(jobs, gathered, plans, strict=True):
            failures.plan_anew(stored[job.id], item.kept_with(plan))
        made = [
            (item.case.facts, plan, stored[job.id].id)
            for job, item, plan in zip(jobs, gathered, plans, strict=True)
        ]
        await incidents.decided(context, session, made, now)
        await start(context, session, run, plans)
        await context.queue.defer(session, "report", run_key(run), lock=report_lock(run))
    return f"Decided again: {', '.join(plan.status for plan in plans)}."


def _waits(failure: Failure) -> bool:
    return any(item["guard"] in WAITING for item in failure.plan["refusals"])
