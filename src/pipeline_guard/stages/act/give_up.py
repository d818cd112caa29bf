"""Give up: what was planned could not be done, so a person has to know, and nothing hangs."""

import structlog

from pipeline_guard.stages.accept import run_lock
from pipeline_guard.stages.context import Context
from pipeline_guard.store import actions, failures
from pipeline_guard.store.tables import Action, Failure

LONGEST_NOTE = 500

log = structlog.get_logger(__name__)


async def give_up_acting(
    context: Context, platform: str, repository: str, run_id: str, attempt: int, why: str
) -> None:
    """Escalate the failures of this attempt whose re-run was not asked for, as far as is known.

    If it was after all, its webhook says later that they are healed. Raises StoreUnavailable.
    """
    async with context.database.transaction() as session:
        found = await failures.of_run(session, platform, repository, run_id)
        left = [item for item in found if item.run_attempt == attempt and _hangs(item)]
        if not left:
            return
        note = f"It was given up: {why}"[:LONGEST_NOTE]
        for number in {action.id for item in left for action in item.actions if _open(action)}:
            await actions.finish(session, number, "failed", note=note)
        await failures.set_status(session, [item.id for item in left], "escalated")
        run = {"platform": platform, "repository": repository, "run_id": run_id}
        lock = run_lock(platform, repository, run_id)
        await context.queue.defer(session, "report", run, lock=lock)
    log.error("acting_given_up", repository=repository, run=run_id, why=why)


def _open(action: Action) -> bool:
    return action.status == "intended"


def _hangs(failure: Failure) -> bool:
    """It waits for a re-run that nobody has asked for."""
    asked = any(item.kind == "rerun" and item.status == "done" for item in failure.actions)
    return failure.status == "healing" and not asked
