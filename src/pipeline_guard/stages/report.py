"""Report: one comment per pull or merge request, edited in place, silent when nothing changed."""

import hashlib
from datetime import UTC, datetime, timedelta

import structlog

from pipeline_guard.domain.events import Event
from pipeline_guard.errors import PlatformError
from pipeline_guard.stages.comment import MARKER, Seen, render
from pipeline_guard.stages.context import Context
from pipeline_guard.store import comments, failures
from pipeline_guard.store.tables import Failure

HISTORY_DAYS = 7

log = structlog.get_logger(__name__)


async def report(context: Context, platform: str, repository: str, run_id: str) -> None:
    """Bring the comment of the run's request up to date.

    Raises PlatformError when it is worth another try later.
    """
    adapter = context.platform(platform).platform
    if "comment" not in adapter.capabilities:
        return
    async with context.database.transaction() as session:
        of_run = await failures.of_run(session, platform, repository, run_id)
        number = of_run[-1].request_number if of_run else None
        if number is None or not any(_may_speak(item) for item in of_run):
            return
        commit = of_run[-1].commit
        found = await failures.of_request(session, platform, repository, number, commit)
        shown = [item for item in found if _may_speak(item)]
        since = datetime.now(UTC) - timedelta(days=HISTORY_DAYS)
        history = {
            item.id: Seen(*await failures.seen(session, item.fingerprint, since), HISTORY_DAYS)
            for item in shown
        }
        known = await comments.get(session, platform, repository, number)
    if all(item.status == "superseded" for item in shown) and known is None:
        return
    body = render(shown, history)
    digest = hashlib.sha256(body.encode()).hexdigest()
    if known is not None and known.digest == digest:
        return
    run = await adapter.read_run(Event("run_finished", platform, repository, run_id))
    request = run.request
    if request is None or request.number != number or request.head_sha not in (None, commit):
        return  # Closed, or a newer commit has the word now.
    try:
        result = await adapter.upsert_comment(
            run.repository, request, MARKER, body, known.comment_id if known else None
        )
    except PlatformError as error:
        if error.worth_retry:
            raise
        # Healing goes on without words; `doctor` and the log tell what is missing.
        log.warning("comment_refused", repository=repository, request=number, error=str(error))
        return
    async with context.database.transaction() as session:
        await comments.put(session, platform, repository, number, result, digest)


def _may_speak(failure: Failure) -> bool:
    """Does the policy that the failure was decided by let people be told?"""
    values = failure.plan["policy"]["values"]
    return bool(values["enabled"]) and values["mode"] != "observe"
