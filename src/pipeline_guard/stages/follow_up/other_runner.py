"""Other runner: a run that we dispatched has ended, and settles the failures it was for.

What passed on another runner is no pass of an unchanged re-run. So nothing is learned from it: no
chance, no proof of a flaky test, no precision of a rule, and no incident is over by it.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.plan import Outcome
from pipeline_guard.domain.runs import Run
from pipeline_guard.stages.accept import run_lock
from pipeline_guard.stages.context import Context
from pipeline_guard.store import actions, failures
from pipeline_guard.store.tables import Action, Failure


async def settle_dispatched(context: Context, session: AsyncSession, run: Run) -> bool:
    """Settle what a completed run was dispatched for; was it one of ours?"""
    found = await actions.awaiting_run(session, run.platform, run.repository, run.run_id)
    for action in found:
        served = {failure.job for failure in action.failures}
        known = await failures.of_run(session, run.platform, run.repository, action.run_id)
        for failure in known:  # those of earlier attempts wait with their successors
            if failure.job in served:
                _settle(failure, run)
        action.outcome = _outcome([_passed(job, run) for job in served], run)
        outcomes = context.telemetry.metrics.outcomes
        outcomes.labels(run.platform, action.kind, action.outcome).inc()
        context.telemetry.tracing.current().link(action.traceparent)
        await _report(context, session, action)
    return bool(found)


async def _report(context: Context, session: AsyncSession, action: Action) -> None:
    """Tell it where the first run was told of."""
    key = {name: getattr(action, name) for name in ("platform", "repository", "run_id")}
    await context.queue.defer(session, "report", key, lock=run_lock(**key))


def _settle(failure: Failure, run: Run) -> None:
    passed = _passed(failure.job, run)
    if passed and failure.status in ("open", "healing", "escalated"):
        failure.status = "healed"
    elif not passed and failure.status == "healing":
        failure.status = "superseded" if _was_cancelled(failure.job, run) else "escalated"


def _passed(job: str, run: Run) -> bool:
    """Did the job of that name pass? One that is not listed did if all did."""
    conclusions = [item.conclusion for item in run.jobs if item.name == job]
    return all(item == "success" for item in conclusions or [run.conclusion])


def _was_cancelled(job: str, run: Run) -> bool:
    failed = any(item.name == job and item.failed for item in run.jobs)
    return run.conclusion == "cancelled" and not failed


def _outcome(results: list[bool], run: Run) -> Outcome:
    if results and all(results):
        return "healed"
    return "superseded" if run.conclusion == "cancelled" else "failed_again"
