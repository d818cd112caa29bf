"""Act: carry out the planned steps of a run, each written down before and after the call.

Safe to run any number of times: an intent has a key, a finished one is not repeated, and an
interrupted one first looks at what the platform already knows of it.
"""

from dataclasses import asdict, replace
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.dispatch import OTHER_RUNNER
from pipeline_guard.domain.events import known_run
from pipeline_guard.domain.plan import FailureStatus, Step, stored_plan
from pipeline_guard.domain.runs import Run
from pipeline_guard.errors import PlatformError, PlatformUnavailable
from pipeline_guard.remedies import REMEDIES
from pipeline_guard.remedies.base import Request, Result
from pipeline_guard.stages.accept import run_lock
from pipeline_guard.stages.act.last_look import stopped
from pipeline_guard.stages.breakers.limits import within_limits
from pipeline_guard.stages.context import Context, lock_of, report_lock, run_key
from pipeline_guard.stages.measure import stage
from pipeline_guard.store import actions, audit, failures
from pipeline_guard.store.actions import Intent
from pipeline_guard.store.tables import Failure

SETTLING_SECONDS = 15.0
"""How long an interrupted call may take to show on the platform before it counts as not made."""
DISPATCH_SETTLING_SECONDS = 300.0
"""The same for a run that was dispatched: a new run shows late on a platform's bad days."""
FIRST_CHECK_SECONDS = 120.0
"""When the end of a re-run is first looked for, in case its webhook gets lost."""

log = structlog.get_logger(__name__)


@stage("act")
@within_limits
async def act(
    context: Context,
    platform: str,
    repository: str,
    run_id: str,
    attempt: int,
    *,
    waited: bool = False,
) -> None:
    """Do what was planned for the failures of this attempt; `waited` what has to wait, too.

    Raises PlatformError when the call is worth another try later; the queue tries it again.
    """
    async with context.database.transaction() as session:
        found = await failures.of_run(session, platform, repository, run_id)
    steps: dict[str, tuple[Step, list[Failure]]] = {}
    for failure in found:
        if failure.run_attempt == attempt:
            for step in _due(failure, waited=waited):
                steps.setdefault(_key(failure, step), (step, []))[1].append(failure)
    if not steps:
        return
    concerned = {item.id for _, members in steps.values() for item in members}
    structlog.contextvars.bind_contextvars(failures=sorted(concerned))
    adapter = context.platform(platform).platform
    number = found[-1].request_number
    run = await adapter.read_run(known_run(platform, repository, run_id, number))
    trouble: PlatformError | None = None
    for key, (step, served) in steps.items():
        try:
            await _carry_out(context, adapter, run, key, step, served)
        except PlatformError as error:
            trouble = trouble or error  # one step's bad luck does not keep the others waiting
    if trouble is not None:
        raise trouble


async def act_later(
    context: Context, platform: str, repository: str, run_id: str, attempt: int
) -> None:
    """The wait of planned steps is over: do them, under the run's lock."""
    args = {"platform": platform, "repository": repository, "run_id": run_id, "attempt": attempt}
    lock = run_lock(platform, repository, run_id)
    async with context.database.transaction() as session:
        await context.queue.defer(session, "act", args | {"waited": True}, lock=lock)


def _due(failure: Failure, *, waited: bool) -> list[Step]:
    """The steps to be done for a failure: of a plan, those that nobody refuses.

    What people ignore or a newer commit replaced meanwhile needs nothing, and only what waits for
    its re-run is re-run.
    """
    if failure.status in ("ignored", "superseded"):
        return []
    return [
        step
        for step in stored_plan(failure.plan).live
        if (step.kind != "rerun" or failure.status == "healing")
        and (waited or not step.params.get("wait"))
    ]


def _key(failure: Failure, step: Step) -> str:
    params = step.params
    parts = [step.kind, failure.platform, failure.repository]
    if step.once:
        parts.append(step.once)
    else:
        parts += [failure.run_id, str(failure.run_attempt)]
        parts += [params.get("scope", ""), params.get("job", "")]
    if "comment" in params:  # a person's wish is another action than ours for the same attempt
        parts.append(f"comment-{params['comment']}")
    return "/".join(parts)


async def _carry_out(
    context: Context, adapter: Platform, run: Run, key: str, step: Step, served: list[Failure]
) -> None:
    first = served[0]
    if await stopped(context, adapter, run, step, served):
        return
    async with context.database.transaction() as session:
        intent = await actions.intend(
            session,
            run,
            attempt=first.run_attempt,
            kind=step.kind,
            key=key,
            params=step.params,
            failure_ids=[item.id for item in served],
        )
        traceparent = context.telemetry.tracing.traceparent()
        if intent.fresh and traceparent is not None:
            await actions.trace(session, intent.id, traceparent)
    if intent.status != "intended":
        return
    age = (datetime.now(UTC) - intent.created_at).total_seconds()
    in_doubt = not intent.fresh and age < _settling(step)
    request = Request(first.run_attempt, step.params, in_doubt, intent.created_at)
    try:
        result = await REMEDIES[step.kind].apply(adapter, run, request)
    except PlatformError as error:
        if error.worth_retry:
            raise
        # The platform said no for good: a person has to look, and is told what it said.
        result = Result("failed", str(error))
    if result.status == "unclear":
        raise PlatformUnavailable(result.note)
    await _record(context, run, step, intent, served, result)


def _settling(step: Step) -> float:
    dispatches = step.params.get("scope") == OTHER_RUNNER
    return DISPATCH_SETTLING_SECONDS if dispatches else SETTLING_SECONDS


async def _record(
    context: Context,
    run: Run,
    step: Step,
    intent: Intent,
    served: list[Failure],
    result: Result,
) -> None:
    async with context.database.transaction() as session:
        await actions.finish(
            session,
            intent.id,
            result.status,
            url=result.url,
            external_id=result.external_id,
            note=result.note,
        )
        _audit(session, run, intent, [failure.id for failure in served], result)
        if step.kind == "rerun":
            await _await_rerun(context, session, run, step, served, result)
        await context.queue.defer(session, "report", run_key(run), lock=report_lock(run))
    context.telemetry.metrics.actions.labels(run.platform, intent.kind, result.status).inc()
    log.info(
        "acted",
        repository=run.repository,
        run=run.run_id,
        kind=step.kind,
        status=result.status,
        result=result.note,
    )


def _audit(
    session: AsyncSession, run: Run, intent: Intent, failure_ids: list[int], result: Result
) -> None:
    audit.record(
        session,
        audit.BOT,
        f"{intent.kind}.{result.status}",
        f"{run.platform}:{run.repository}",
        {"action": intent.id, "run": run.run_id, "failures": failure_ids, "note": result.note},
    )


async def _await_rerun(
    context: Context,
    session: AsyncSession,
    run: Run,
    step: Step,
    served: list[Failure],
    result: Result,
) -> None:
    """Look for the re-run's end later, in case its webhook gets lost; without one, wait no more."""
    if result.status != "done":
        status: FailureStatus = "superseded" if result.status == "skipped" else "escalated"
        await failures.set_status(session, [failure.id for failure in served], status)
        return
    if step.params.get("scope") == OTHER_RUNNER and result.external_id is not None:
        run = replace(run, run_id=result.external_id)
    event = asdict(known_run(**run_key(run), request=run.request.number if run.request else None))
    await context.queue.defer(
        session,
        "look_again",
        {"event": event, "checks": 0},
        delay=FIRST_CHECK_SECONDS,
        once=f"look_again:{lock_of(run)}",
    )
