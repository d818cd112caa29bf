"""Lift: proposes to take a test out of quarantine once its day has come, at a run of its branch."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import structlog

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.changes import ProposesChanges
from pipeline_guard.domain.runs import Run
from pipeline_guard.errors import PlatformError
from pipeline_guard.policy.schema import Policy
from pipeline_guard.remedies import patch
from pipeline_guard.remedies.base import Request, Result
from pipeline_guard.remedies.edits.base import Unfit
from pipeline_guard.remedies.marks import find_test
from pipeline_guard.remedies.quarantine import reason_of
from pipeline_guard.remedies.unified import written
from pipeline_guard.remedies.unmark import unmark
from pipeline_guard.stages.context import Context
from pipeline_guard.stages.decide.proposers.patch import plain
from pipeline_guard.stages.gather.policies import RunPolicy
from pipeline_guard.stages.gather.prepare import as_text
from pipeline_guard.store import actions, audit, marks
from pipeline_guard.store.marks import Mark

log = structlog.get_logger(__name__)


async def lift(context: Context, adapter: Platform, run: Run, policy: RunPolicy) -> None:
    """Propose for every mark of ours on the run's branch whose day has come to take it out, once.

    Raises PlatformError when it is worth another try later.
    """
    if run.request is not None or run.head_sha not in (None, run.commit):
        return
    now = datetime.now(UTC)
    async with context.database.transaction() as session:
        due = await marks.due(session, run, now)
    for mark in due:
        if _may_act(policy.of_job(mark.job).policy, now):
            await _lift_one(context, adapter, run, mark)


def _may_act(policy: Policy, now: datetime) -> bool:
    acts = policy.enabled and policy.mode == "act" and policy.quarantine.mode == "act"
    return acts and not any(window.covers(now) for window in policy.maintenance)


async def _lift_one(context: Context, adapter: Platform, run: Run, mark: Mark) -> None:
    try:
        params = await _change(adapter, run, mark)
    except Unfit as error:
        params, given_up = {}, str(error)
    else:
        given_up = ""
    async with context.database.transaction() as session:
        intent = await actions.intend(
            session,
            run,
            attempt=run.attempt,
            kind="quarantine",
            key=marks.lift_key(mark.action),
            params={"lifts": mark.action, **params},
            failure_ids=mark.failures,
        )
    if intent.status != "intended":
        return
    if given_up:
        note = f"The mark on {mark.test} was to end on {mark.until}: {given_up}"
        result = Result("skipped", note)
    else:
        result = await _propose(adapter, run, params)
    async with context.database.transaction() as session:
        await actions.finish(
            session, intent.id, result.status,
            url=result.url, external_id=result.external_id, note=result.note,
        )  # fmt: skip
        details = {"action": intent.id, "test": mark.test, "note": result.note}
        subject = f"{run.platform}:{run.repository}"
        audit.record(session, audit.BOT, f"quarantine.lift_{result.status}", subject, details)
    context.telemetry.metrics.actions.labels(run.platform, "quarantine", result.status).inc()
    log.info("quarantine_over", repository=run.repository, test=mark.test, result=result.note)


async def _propose(adapter: Platform, run: Run, params: dict[str, Any]) -> Result:
    try:
        return await patch.apply(adapter, run, Request(run.attempt, params))
    except PlatformError as error:
        if error.worth_retry:
            raise
        return Result("failed", str(error))


async def _change(adapter: Platform, run: Run, mark: Mark) -> dict[str, Any]:
    """What a patch is asked for that takes the mark out; raises Unfit and PlatformError."""
    place = find_test(mark.test, (mark.path,))
    if place is None or not isinstance(adapter, ProposesChanges):
        raise Unfit("Where it is written down is not known.")
    base = run.commit or ""
    content = await adapter.changes(run.repository).read_file(mark.path, base)
    if content is None:
        raise Unfit("Its file is gone.")
    after = unmark(as_text(mark.path, content), place, reason_of(mark.until, mark.owners))
    told = plain(mark.test)
    name = f"lift:{mark.test}:{mark.until}"
    return {
        "diff": written({mark.path: (content, after.encode())}),
        "paths": [mark.path],
        "base": base,
        "fingerprint": hashlib.sha256(name.encode()).hexdigest()[:16],
        "title": f"End the quarantine of {told}",
        "body": (
            f"The test {told} was marked as flaky until {mark.until}. That day is over:"
            f" this takes the mark out. Owner, by CODEOWNERS: {' '.join(mark.owners)}.\n\n"
            "Close this to keep the mark: it is not proposed again."
        ),
    }
