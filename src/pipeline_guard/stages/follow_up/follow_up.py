"""Follow up: a later attempt of a run tells how its re-run ended, and history learns it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.plan import Outcome
from pipeline_guard.domain.runs import Run
from pipeline_guard.stages.breakers import incidents
from pipeline_guard.stages.breakers.demotion import note_outcomes
from pipeline_guard.stages.context import Context, report_lock, run_key
from pipeline_guard.stages.measure import stage
from pipeline_guard.store import actions, failures
from pipeline_guard.store.tables import Failure


@stage("follow_up")
async def follow_up(context: Context, session: AsyncSession, run: Run) -> None:
    """Settle the failures of earlier attempts of a completed run.

    Called before and after the failures of the newest attempt are stored: before, so that what
    was healed is told even if nothing failed anew; after, because whether an older failure is
    given up depends on what is planned for its successor.
    """
    known = await failures.of_run(session, run.platform, run.repository, run.run_id)
    changed = False
    learned = []
    for failure in known:
        if failure.run_attempt < run.attempt:
            unknown = failure.next_passed is None
            changed |= _settle(failure, run, known)
            if unknown and failure.next_passed is not None:
                learned.append(failure)
            await incidents.settled(context, session, failure, run)
    await note_outcomes(context, session, learned)
    for action in await actions.undecided_reruns(session, run):
        action.outcome = _outcome(action.failures, run)
        if action.outcome is not None:
            outcomes = context.telemetry.metrics.outcomes
            outcomes.labels(run.platform, action.kind, action.outcome).inc()
            context.telemetry.tracing.current().link(action.traceparent)
    if changed:
        await context.queue.defer(session, "report", run_key(run), lock=report_lock(run))


def passed_in(job: str, run: Run) -> bool | None:
    """Did the job of that name pass in this attempt? None when it did not run to an end."""
    for item in run.jobs:
        if item.name == job:
            if item.failed:
                return False
            return True if item.conclusion == "success" else None
    # Some platforms list only what was re-run, and some only what failed.
    return True if run.conclusion == "success" else None


def _settle(failure: Failure, run: Run, known: Sequence[Failure]) -> bool:
    """Bring one older failure up to date; True when its status changed."""
    passed = passed_in(failure.job, run)
    status = failure.status
    if passed is None:
        if status == "healing" and run.conclusion == "cancelled":
            failure.status = "superseded"
        return failure.status != status
    if failure.rerun_passed is not passed:
        failure.rerun_passed = passed
        failure.settled_at = run.finished_at or datetime.now(UTC)
    if failure.next_passed is None:
        failure.next_passed = passed
    if passed:
        if status in ("open", "healing", "escalated"):
            failure.status = "healed"
    elif status == "healing":
        successor = next(
            (item for item in known if item.job == failure.job and item.run_attempt == run.attempt),
            None,
        )
        # Without a successor yet, its decision is still to come: stay with it.
        if successor is not None and successor.status != "healing":
            failure.status = "escalated"
    return failure.status != status


def _outcome(served: list[Failure], run: Run) -> Outcome | None:
    results = [passed_in(failure.job, run) for failure in served]
    if any(result is False for result in results):
        return "failed_again"
    if results and all(results):
        return "healed"
    return "superseded" if run.conclusion == "cancelled" else None
