"""Person: what somebody asks for on the dashboard, done as a command on the platform would be.

The actor is whoever is signed in; what they did is in the audit, in the transaction that did it.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.commands import request_key
from pipeline_guard.domain.diagnosis import CATEGORIES, Category
from pipeline_guard.errors import PlatformError
from pipeline_guard.stages.accept import run_lock
from pipeline_guard.stages.context import Context
from pipeline_guard.stages.gather.gather import Ready
from pipeline_guard.stages.people.answers import OPEN, Answer, Status
from pipeline_guard.stages.people.retry import read_runs, retry
from pipeline_guard.stages.upkeep.recover import requeue
from pipeline_guard.store import audit, deliveries, failures, labels
from pipeline_guard.store.tables import Failure

GONE: Final = Answer("refused", "The run is not there any more.")


async def ask_retry(context: Context, failure: Failure, actor: str) -> Answer:
    """Re-run what failed in the failure's run, within the guards that hold for people."""
    try:
        ready = await read_runs(context, [failure])
    except PlatformError as error:
        return Answer("refused", f"{failure.platform} does not let us look: {error}")
    if not ready:
        return GONE
    async with context.database.transaction() as session:
        answer = await _retried(context, session, ready, failure, actor)
        _told(session, actor, "retry", failure, answer)
    return answer


async def _retried(
    context: Context, session: AsyncSession, ready: Sequence[Ready], failure: Failure, actor: str
) -> Answer:
    # Stands where a comment's id would: one wish per failure and attempt is one action.
    wish = f"dashboard-{failure.id}"
    done = [await retry(context, session, item, actor, wish) for item in ready]
    await _report(context, session, failure)
    status: Status = "done" if any(item.coming for item in done) else "refused"
    return Answer(status, " ".join(item.text for item in done))


async def ask_ignore(context: Context, failure: Failure, actor: str) -> Answer:
    """Say that nothing needs doing about an open failure."""
    async with context.database.transaction() as session:
        now = await failures.get(session, failure.id)
        if now is None or now.status not in OPEN:
            return Answer("refused", "It is not open any more.")
        await failures.set_status(session, [failure.id], "ignored")
        answer = Answer("done", "Ignored.")
        _told(session, actor, "ignore", failure, answer)
        await _report(context, session, failure)
    return answer


async def ask_wrong(context: Context, failure: Failure, actor: str, category: str) -> Answer:
    """Say what the cause really is, for later training."""
    meant: Category | None = next((item for item in CATEGORIES if item == category), None)
    if meant is None:
        return Answer("unclear", f"The categories are: {', '.join(CATEGORIES)}.")
    async with context.database.transaction() as session:
        labels.add(session, [failure.id], meant, actor)
        answer = Answer("done", f"Noted: {failure.job} is {meant}.")
        _told(session, actor, "wrong", failure, answer)
        await _report(context, session, failure)
    return answer


async def ask_replay(context: Context, failure: Failure, actor: str) -> Answer:
    """Work the newest delivery about the failure's run off once more."""
    async with context.database.transaction() as session:
        row = await deliveries.newest_of_run(
            session, failure.platform, failure.repository, failure.run_id
        )
        if row is None:
            return Answer("refused", "No delivery about this run is kept any more.")
        await requeue(context.queue, session, row, f"replayed by {actor}")
        answer = Answer("done", f"Delivery {row.id} is worked off once more.")
        _told(session, actor, "replay", failure, answer)
    return answer


def _told(session: AsyncSession, actor: str, what: str, failure: Failure, answer: Answer) -> None:
    details = {"status": answer.status, "answer": answer.text, "repository": failure.repository}
    audit.record(session, actor, f"failure.{what}", f"failure:{failure.id}", details)


async def _report(context: Context, session: AsyncSession, failure: Failure) -> None:
    """The request's one comment says it, too."""
    number = failure.request_number
    about = failure.run_id if number is None else request_key(number)
    await context.queue.defer(
        session,
        "report",
        {
            "platform": failure.platform,
            "repository": failure.repository,
            "run_id": failure.run_id,
        },
        lock=run_lock(failure.platform, failure.repository, about),
    )
