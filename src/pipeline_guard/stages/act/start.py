"""Start: see to it that what was planned is done, at once or after its wait."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.plan import Plan
from pipeline_guard.domain.runs import Run
from pipeline_guard.stages.context import Context, lock_of, run_key


async def start(context: Context, session: AsyncSession, run: Run, plans: Sequence[Plan]) -> None:
    """Defer the jobs that act on these plans, in the transaction that stores them.

    A wait is the queue's, in the database: it survives restarts. The job that waits holds no lock,
    since it would block all that comes for the run meanwhile.
    """
    waits = [float(step.params.get("wait", 0.0)) for plan in plans for step in plan.live]
    args = run_key(run) | {"attempt": run.attempt}
    if not all(waits):
        await context.queue.defer(session, "act", args, lock=lock_of(run))
    if any(waits):
        await context.queue.defer(session, "act_later", args, delay=max(waits))
