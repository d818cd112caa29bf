"""Diagnose: re-read the run, stream each failed job's log, judge it, store what was found."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.events import Event
from pipeline_guard.domain.plan import Plan
from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.errors import Conflict, LogError, NotAuthorized, NotFound, Rejected
from pipeline_guard.logs.read import ReadLimits, ReadReport
from pipeline_guard.logs.spool import spool
from pipeline_guard.stages.accept import run_lock
from pipeline_guard.stages.act.cancel import cancel_superseded
from pipeline_guard.stages.act.start import start
from pipeline_guard.stages.breakers import demotion, incidents
from pipeline_guard.stages.breakers.limits import within_limits
from pipeline_guard.stages.context import Context, report_lock, run_key
from pipeline_guard.stages.decide.decide import decide
from pipeline_guard.stages.diagnose import earlier
from pipeline_guard.stages.diagnose.shelf import Shelf
from pipeline_guard.stages.follow_up import tidy
from pipeline_guard.stages.follow_up.follow_up import follow_up
from pipeline_guard.stages.follow_up.other_runner import settle_dispatched
from pipeline_guard.stages.follow_up.replace import replace_older
from pipeline_guard.stages.gather.gather import gather, ready_for
from pipeline_guard.stages.gather.other_runner import look_for_runners
from pipeline_guard.stages.gather.prepare import prepare
from pipeline_guard.stages.gather.quarantine import look_up_all
from pipeline_guard.stages.measure import stage
from pipeline_guard.stages.people.command import run_commands
from pipeline_guard.store import actions, deliveries, failures
from pipeline_guard.store.tracker import anything_stands

MAX_JOBS = 40
"""Failed jobs of one run whose logs are read; a run with more has one cause, seen in these."""
LOGS_AT_ONCE = 4
UNFINISHED_CHECKS = 18
"""How often an unfinished run is looked at again: with the delays below, over 12 hours."""

log = structlog.get_logger(__name__)


async def process_delivery(context: Context, row_id: int) -> None:
    """Work off one stored delivery; afterwards it is `processed`, and says what came of it."""
    async with context.database.transaction() as session:
        delivery = await deliveries.get(session, row_id)
    if delivery is None:
        log.warning("delivery_gone", delivery=row_id)
        return
    note = await process_event(context, Event(**delivery.event), checks=0)
    async with context.database.transaction() as session:
        await deliveries.mark(session, row_id, "processed", note)


@within_limits
async def process_event(context: Context, event: Event, *, checks: int) -> str:
    """Follow one event to the end of its decision; returns what was done, in a sentence.

    `checks` counts how often the same unfinished run has been looked at before.
    """
    structlog.contextvars.bind_contextvars(
        platform=event.platform, repository=event.repository, run_id=event.run_id
    )
    if event.kind == "comment_command":
        return await run_commands(context, event)
    platform = context.platform(event.platform).platform
    if event.conclusion in ("success", "skipped"):
        async with context.database.transaction() as session:
            if not await _concerns_anything(session, platform, event):
                return "The run is green and no failure was waiting for it."
    run = await platform.read_run(event)
    if not run.completed:
        if await cancel_superseded(context, platform, run):
            return "A newer commit has replaced this run; it is cancelled."
        return await _look_again(context, event, checks)
    told = await _catch_up(context, platform, run)
    async with context.database.transaction() as session:
        await follow_up(context, session, run)
        if not await settle_dispatched(context, session, run):
            await replace_older(context, session, run)
            await tidy.look_for_work(context, session, run)
        known = {
            (item.run_attempt, item.job_id)
            for item in await failures.of_run(session, run.platform, run.repository, run.run_id)
        }
    jobs = [job for job in run.failed_jobs if (run.attempt, job.id) not in known]
    if not jobs:
        return told or "Nothing new: the run is green, or its failures are known."
    inline = event.hints.get("logs") or []
    jobs = jobs[:MAX_JOBS]
    shelf = Shelf(run, len(jobs))
    diagnoses = await _diagnose_all(context, platform, run, jobs, inline, shelf)
    decided = await _decide_and_store(context, platform, run, jobs, diagnoses, shelf)
    return f"{told} {decided}".strip()


async def _catch_up(context: Context, platform: Platform, run: Run) -> str:
    """Store what failed in earlier attempts unheard of, each as if it had been read in its time.

    Returns what was stored, in a sentence.
    """
    count = 0
    for attempt, jobs in await earlier.missed(context, platform, run):
        policy = await context.policies.of_run(platform, attempt)
        shelf = Shelf(attempt, len(jobs))
        diagnoses = await _diagnose_all(context, platform, attempt, jobs, (), shelf)
        failed = list(zip(jobs, diagnoses, strict=True))
        async with context.database.transaction() as session:
            made = await earlier.store(session, platform, policy, attempt, run.attempt, failed)
            for (number, _), job in zip(made, jobs, strict=True):
                await shelf.store(session, number, job)
            await follow_up(context, session, attempt)
        for (number, plan), (job, diagnosis) in zip(made, failed, strict=True):
            _tell(context, run.platform, number, job, diagnosis, plan)
        count += len(made)
    return f"Stored {count} failed job(s) of earlier attempts." if count else ""


async def _concerns_anything(session: AsyncSession, platform: Platform, event: Event) -> bool:
    """Is there anything that the end of a green run may settle, or that it may hide?"""
    run_id = None if "rerun_is_new_run" in platform.capabilities else event.run_id
    place = (event.platform, event.repository)
    attempt = event.attempt or event.hints.get("attempt_at_least", 1)
    if attempt > 1:
        known = await failures.attempts(session, *place, event.run_id)
        if earlier.unknown(attempt, known):
            return True
    branch, commit = event.hints.get("branch"), event.hints.get("head_sha")
    return (
        await failures.has_unsettled(session, *place, run_id)
        or bool(await actions.awaiting_run(session, *place, event.run_id))
        or await failures.anything_open(session, *place, branch, commit)
        or await anything_stands(session, *place)
    )


async def _look_again(context: Context, event: Event, checks: int) -> str:
    """The run still works on other jobs: come back when it should be done.

    The platform's own webhook usually comes first; this is for the one that never arrives.
    """
    if checks >= UNFINISHED_CHECKS:
        return "The run never finished; it is not looked at any more."
    delay = min(30.0 * 2**checks, 3600.0)
    async with context.database.transaction() as session:
        await context.queue.defer(
            session,
            "look_again",
            {"event": _as_args(event), "checks": checks + 1},
            delay=delay,
            once=f"look_again:{run_lock(event.platform, event.repository, event.run_id)}",
        )
    return f"The run is not finished yet; it is looked at again in {delay:.0f} s at the latest."


def _as_args(event: Event) -> dict[str, Any]:
    return {
        "kind": event.kind,
        "platform": event.platform,
        "repository": event.repository,
        "run_id": event.run_id,
        "job_id": event.job_id,
        "hints": event.hints,
    }


@stage("diagnose")
async def _diagnose_all(
    context: Context,
    platform: Platform,
    run: Run,
    jobs: Sequence[Job],
    inline: Sequence[dict[str, str]],
    shelf: Shelf,
) -> list[Diagnosis]:
    gate = asyncio.Semaphore(LOGS_AT_ONCE)

    async def one(job: Job) -> Diagnosis:
        async with gate:
            text = "\n".join(item["text"] for item in inline if item["job_id"] in (job.id, ""))
            return await _diagnose(context, platform, run, job, text, shelf)

    return await asyncio.gather(*(one(job) for job in jobs))


async def _diagnose(
    context: Context, platform: Platform, run: Run, job: Job, inline: str, shelf: Shelf
) -> Diagnosis:
    """Judge one job by its log; without one, by the platform's own remarks."""
    spooled = ReadReport()
    try:
        source, remarks = await _fetch(context, platform, run, job, inline, spooled)
    except (LogError, Conflict, Rejected) as error:
        return _unread(f"The log could not be read: {error}")
    except NotAuthorized as error:
        if error.status == HTTPStatus.UNAUTHORIZED:
            raise  # the credentials may be renewed; that this log is not for them stays
        return _unread(f"The log could not be read: {error}")
    try:
        await shelf.keep(job, source)
        with context.telemetry.stage("judge", job=job.name):
            found = await asyncio.to_thread(
                context.judge.judge, source, platform=run.platform, failed=True, extra_lines=remarks
            )
        lines = [item.line for item in found.evidence]
        urls = await asyncio.to_thread(platform.log_line_urls, run, job, source, lines)
        evidence = tuple(
            dataclasses.replace(item, url=url)
            for item, url in zip(found.evidence, urls, strict=True)
        )
        return dataclasses.replace(found, evidence=evidence, notes=(*spooled.notes, *found.notes))
    except LogError as error:
        return _unread(f"The log could not be read: {error}")
    except Exception as error:
        # A bug of ours, or a log nobody foresaw: the failure itself must not be lost with it.
        log.exception("judgement_failed", repository=run.repository, run=run.run_id, job=job.name)
        return _unread(f"The log could not be judged: {type(error).__name__}: {error}")
    finally:
        source.unlink(missing_ok=True)


async def _fetch(
    context: Context,
    platform: Platform,
    run: Run,
    job: Job,
    inline: str,
    report: ReadReport,
) -> tuple[Path, tuple[str, ...]]:
    """The log in a file, and the platform's remarks, asked for only where there is no log."""
    limits = ReadLimits()
    try:
        return await spool(platform.stream_log(run, job), context.scratch, limits, report), ()
    except NotFound:
        if not inline:
            report.notes.append(f"{run.platform} has no log of this job (any more)")
        remarks = () if inline else tuple(await platform.annotations(run, job))
        return await spool(_as_stream(inline), context.scratch, limits, report), remarks


def _unread(note: str) -> Diagnosis:
    return Diagnosis("unknown", 0.0, "none", transient=False, notes=(note,))


async def _as_stream(text: str) -> AsyncIterator[bytes]:
    yield text.encode("utf-8", "replace")  # JSON may hold half a character


@stage("decide")
async def _decide_and_store(
    context: Context,
    platform: Platform,
    run: Run,
    jobs: Sequence[Job],
    diagnoses: Sequence[Diagnosis],
    shelf: Shelf,
) -> str:
    policy = await context.policies.of_run(platform, run)
    failed = list(zip(jobs, diagnoses, strict=True))
    now = datetime.now(UTC)
    patches = await prepare(platform, run, diagnoses)
    asked = [policy.of_job(job.name).policy.quarantine for job in jobs]
    marks = await look_up_all(context.database, platform, run, diagnoses, asked, now)
    runners = await look_for_runners(platform, run, policy, failed)
    ready = await ready_for(platform, run, policy)
    async with context.database.transaction() as session:
        gathered = await gather(session, platform, ready, failed, now)
        gathered = [
            item.offering(patch, mark, runner)
            for item, patch, mark, runner in zip(gathered, patches, marks, runners, strict=True)
        ]
        plans = decide([item.case for item in gathered], now)
        made = []
        for item, plan in zip(gathered, plans, strict=True):
            facts, kept = item.case.facts, item.kept_with(plan)
            number = await failures.add(session, run, facts.job, facts.diagnosis, kept)
            await shelf.store(session, number, facts.job)
            made.append((facts, plan, number))
            if facts.trust is not None:
                await demotion.note(session, facts.trust, item.case.policy.rules)
        await incidents.decided(context, session, made, now)
        await follow_up(context, session, run)
        await start(context, session, run, plans)
        await context.queue.defer(session, "report", run_key(run), lock=report_lock(run))
    for facts, plan, number in made:
        _tell(context, run.platform, number, facts.job, facts.diagnosis, plan)
    return " ".join((_summary(diagnoses, plans), *policy.remarks))


def _tell(
    context: Context,
    platform: str,
    failure: int | None,
    job: Job,
    diagnosis: Diagnosis,
    plan: Plan,
) -> None:
    """Count what was stored, and say it in the log under the failure's id."""
    metrics = context.telemetry.metrics
    metrics.diagnoses.labels(platform, diagnosis.category, diagnosis.source).inc()
    metrics.redactions.labels(platform).inc(diagnosis.redactions)
    metrics.plans.labels(platform, plan.status).inc()
    for refusal in plan.refusals:
        metrics.refusals.labels(refusal.guard).inc()
    log.info(
        "diagnosed",
        failure=failure,
        job=job.name,
        category=diagnosis.category,
        confidence=diagnosis.confidence,
        named_by=diagnosis.rule or diagnosis.source,
        status=plan.status,
        refused_by=[refusal.guard for refusal in plan.refusals],
    )


def _summary(diagnoses: Sequence[Diagnosis], plans: Sequence[Plan]) -> str:
    parts = [
        f"{diagnosis.category} ({plan.status})"
        for diagnosis, plan in zip(diagnoses, plans, strict=True)
    ]
    return f"Diagnosed {len(parts)} failed job(s): {', '.join(parts)}."
