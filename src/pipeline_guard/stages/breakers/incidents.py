"""Incidents: one failure hitting many runs opens one, which holds re-runs until a probe passes.

A circuit breaker with its state in the database: open, half open (`probing`), closed. Every change
of one is made while its row is held, so any number of workers agree. Whoever wants to know of
incidents that open and close hooks into `announce`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.incident import OpenIncident, concerns
from pipeline_guard.domain.notices import Notice
from pipeline_guard.domain.plan import Plan
from pipeline_guard.domain.runs import Run
from pipeline_guard.policy.schema import Incidents
from pipeline_guard.stages.accept import run_lock
from pipeline_guard.stages.context import Context
from pipeline_guard.stages.decide.facts import Facts
from pipeline_guard.stages.report import notices
from pipeline_guard.store import audit, incidents
from pipeline_guard.store.incident_tables import Incident
from pipeline_guard.store.tables import Failure

USUAL_DAYS: Final = 7
RELEASED_AT_ONCE: Final = 5
"""Runs that are decided again in one go after an incident: what has just recovered is not to be
overrun by everybody who waited."""
RELEASE_SECONDS: Final = 60.0

Change = Literal["opened", "closed"]
log = structlog.get_logger(__name__)


async def watch(
    session: AsyncSession,
    run: Run,
    diagnoses: Sequence[Diagnosis],
    limits: Incidents,
    now: datetime,
    *,
    counts: bool,
) -> Mapping[str, OpenIncident]:
    """The open incidents of these failures by fingerprint; one is opened where it spikes.

    `counts` tells that the failures are new. What is returned is held until the transaction ends.
    """
    found = {}
    # In one order everywhere, so that two workers never wait for each other.
    for item in sorted({item.fingerprint: item for item in diagnoses}.values(), key=_print):
        if concerns(item):
            told = await _watch_one(session, run, item, limits, now, counts=counts)
            if told is not None:
                found[item.fingerprint] = told
    return found


def _print(diagnosis: Diagnosis) -> str:
    return diagnosis.fingerprint


async def _watch_one(
    session: AsyncSession,
    run: Run,
    diagnosis: Diagnosis,
    limits: Incidents,
    now: datetime,
    *,
    counts: bool,
) -> OpenIncident | None:
    fresh = False
    known = await incidents.hold_open(session, run.platform, diagnosis.fingerprint)
    if known is not None and counts:
        incidents.seen(known, run.repository, now)
    elif known is None and counts:
        fresh = await _opened(session, run, diagnosis, limits, now)
        known = await incidents.hold_open(session, run.platform, diagnosis.fingerprint)
    if known is None:
        return None
    waited = now - (known.probed_at or known.opened_at)
    may_probe = not fresh and waited >= timedelta(minutes=limits.probe_minutes)
    return OpenIncident(
        known.id, known.opened_at, known.failures, len(known.repositories), may_probe, fresh
    )


async def _opened(
    session: AsyncSession, run: Run, diagnosis: Diagnosis, limits: Incidents, now: datetime
) -> bool:
    """Open an incident if the failure spikes and nobody else was faster."""
    since = now - timedelta(minutes=limits.minutes)
    closed = await incidents.last_closed(session, run.platform, diagnosis.fingerprint)
    if closed is not None:
        since = max(since, closed)
    spike = await incidents.recent(session, run, diagnosis.fingerprint, since)
    if len(spike.runs) < limits.runs or spike.places < limits.places:
        return False
    before = since - timedelta(days=USUAL_DAYS)
    usual = await incidents.count_runs(
        session, run.platform, diagnosis.fingerprint, before, since
    ) / (USUAL_DAYS * 24 * 60 / limits.minutes)
    if len(spike.runs) < limits.times_usual * usual:
        return False
    return await incidents.open_one(session, run, diagnosis, spike, now)


async def decided(
    context: Context,
    session: AsyncSession,
    made: Sequence[tuple[Facts, Plan, int | None]],
    now: datetime,
) -> None:
    """Take note of what was decided for failures of open incidents: (facts, plan, failure id).

    To be called in the transaction that decided and stored them.
    """
    probed: set[int] = set()
    for facts, plan, failure in made:
        found = facts.incident
        if found is None:
            continue
        if found.fresh:
            await _tell(context, session, found.id, "opened")
        if plan.status == "healing" and failure is not None and found.id not in probed:
            held = await incidents.hold(session, found.id)
            if held is not None and held.status != "closed":
                incidents.probe(held, facts.run, failure, now)
                probed.add(found.id)
        await _look_later(context, session, found.id, now)


async def settled(context: Context, session: AsyncSession, failure: Failure, run: Run) -> None:
    """Learn how a re-run ended that an incident had let through; a pass closes the incident.

    So does one that was asked for before the incident opened, if it ended after that.
    """
    if failure.next_passed is None:
        return
    facts = failure.plan.get("facts") or {}
    number = (facts.get("incident") or {}).get("id")
    if number is None:
        await _settled_outside(context, session, failure, run)
        return
    held = await incidents.hold(session, number)
    if held is None or held.status == "closed":
        return
    probes = [dict(item) for item in held.probes]
    mine = [
        item
        for item in probes
        if (item["run_id"], item["attempt"]) == (failure.run_id, failure.run_attempt)
        and item["repository"] == failure.repository
    ]
    if not mine:
        return
    for item in mine:
        item["passed"] = failure.next_passed and item["passed"] is not False
    held.probes = probes
    if all(item["passed"] is False for item in probes):
        held.status = "open"
    if failure.next_passed:
        where = f"{failure.job} of {failure.repository}, attempt {run.attempt}"
        await _close(context, session, held, f"A re-run passed: {where}.", datetime.now(UTC))


async def _settled_outside(
    context: Context, session: AsyncSession, failure: Failure, run: Run
) -> None:
    if not failure.rerun_passed or not failure.fingerprint:
        return
    held = await incidents.hold_open(session, run.platform, failure.fingerprint)
    if held is None or failure.settled_at is None or failure.settled_at < held.opened_at:
        return
    where = f"{failure.job} of {failure.repository}, attempt {run.attempt}"
    await _close(context, session, held, f"A re-run passed: {where}.", datetime.now(UTC))


async def look(context: Context, incident: int) -> None:
    """Look after an open incident: close it when it went quiet, else let one re-run through."""
    limits = (await context.policies.operator()).incidents
    now = datetime.now(UTC)
    async with context.database.transaction() as session:
        held = await incidents.hold(session, incident)
        if held is None or held.status == "closed":
            return
        if now - held.last_seen_at >= timedelta(minutes=limits.quiet_minutes):
            why = f"It was not seen for {limits.quiet_minutes} minutes."
            await _close(context, session, held, why, now)
            return
        due = (held.probed_at or held.opened_at) + timedelta(minutes=limits.probe_minutes)
        waiting = await incidents.waiting(session, held)
        if waiting and now >= due:
            await _decide_again(context, session, held, *waiting[0])
        await _look_later(context, session, incident, now, limits)


async def release(context: Context, incident: int) -> None:
    """Decide again on failures that a closed incident had held, a few runs at a time."""
    async with context.database.transaction() as session:
        held = await incidents.get(session, incident)
        if held is None or held.status != "closed":
            return
        waiting = await incidents.waiting(session, held)
        for repository, run_id in waiting[:RELEASED_AT_ONCE]:
            await _decide_again(context, session, held, repository, run_id)
        if len(waiting) > RELEASED_AT_ONCE:
            await context.queue.defer(
                session,
                "release_incident",
                {"incident": incident},
                delay=RELEASE_SECONDS,
                once=f"release:{incident}",
            )


async def announce(context: Context, incident: int, change: Change) -> None:
    """Tell that an incident was opened or closed, once per change; after its transaction."""
    async with context.database.transaction() as session:
        found = await incidents.get(session, incident)
        if found is not None:
            await notices.announce(context, session, _notice(found, change))
    if found is not None:
        log.warning(
            "incident_opened" if change == "opened" else "incident_closed",
            incident=found.id,
            title=found.title,
            failures=found.failures,
            repositories=found.repositories,
            why=found.closed_by,
        )


def _notice(found: Incident, change: Change) -> Notice:
    counted = f"{found.failures} failures in {len(found.repositories)} repositories"
    lines = {
        "opened": (f"{counted}; its re-runs are held until one passes.",),
        "closed": (f"{counted}. {found.closed_by or ''}".strip(),),
    }
    return Notice(
        key=f"incident/{found.id}/{change}",
        kind="incident_opened" if change == "opened" else "incident_closed",
        title=f"Incident {found.id} {change}: {found.title}",
        repositories=tuple(found.repositories),
        lines=lines[change],
        facts=(
            ("incident", str(found.id)),
            ("platform", found.platform),
            ("category", found.category),
            ("fingerprint", found.fingerprint),
        ),
    )


async def _close(
    context: Context, session: AsyncSession, held: Incident, why: str, now: datetime
) -> None:
    incidents.close(held, why, now)
    await _tell(context, session, held.id, "closed")
    await context.queue.defer(
        session, "release_incident", {"incident": held.id}, once=f"release:{held.id}"
    )


async def _tell(context: Context, session: AsyncSession, incident: int, change: Change) -> None:
    audit.record(session, audit.BOT, f"incident.{change}", f"incident:{incident}", {})
    await context.queue.defer(session, "incident_changed", {"incident": incident, "change": change})


async def _look_later(
    context: Context,
    session: AsyncSession,
    incident: int,
    now: datetime,
    limits: Incidents | None = None,
) -> None:
    """See to it that the incident is looked after, also when nothing more is heard of it."""
    limits = limits or (await context.policies.operator()).incidents
    minutes = min(limits.probe_minutes, limits.quiet_minutes)
    await context.queue.defer(
        session,
        "look_at_incident",
        {"incident": incident},
        delay=60.0 * minutes,
        once=f"incident:{incident}",
    )


async def _decide_again(
    context: Context, session: AsyncSession, held: Incident, repository: str, run_id: str
) -> None:
    await context.queue.defer(
        session,
        "decide_again",
        {"platform": held.platform, "repository": repository, "run_id": run_id},
        lock=run_lock(held.platform, repository, run_id),
    )
