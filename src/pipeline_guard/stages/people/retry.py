"""Retry on a person's word: plans the re-run that was asked for, within the hard guards.

A person with write access could press the platform's own button, so what only keeps us from
guessing does not bind them: how sure the cause is, whether it is transient, how often and how
broadly it failed, whose request it is. What protects others does: jobs that are never re-run, a
commit that was replaced, budgets, maintenance, limits of the platform, and every kill switch. In
the mode `suggest` a person's word is what was waited for; in `observe` nothing is ever done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.events import known_run
from pipeline_guard.domain.plan import Plan, Step, stored_plan
from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.errors import NotFound
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.act.start import start
from pipeline_guard.stages.breakers import incidents
from pipeline_guard.stages.context import Context
from pipeline_guard.stages.decide.decide import decide
from pipeline_guard.stages.decide.facts import stored_diagnosis
from pipeline_guard.stages.gather.gather import Gathered, Ready, gather, ready_for
from pipeline_guard.store import failures
from pipeline_guard.store.tables import Failure

OVERRULED: Final = frozenset(
    {
        "transient",
        "category",
        "confidence",
        "attempts",
        "natively_retried",
        "base_attempts",
        "cool_down",
        "worth",
        "breadth",
        "same_on_target",
        "incident",
        "rule_trust",
        "own_actor",
        "forks",
    }
)
"""Guards that a person with write access overrules; one not named here holds for people, too."""


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of the wish for one run: whether a re-run comes, and a sentence."""

    coming: bool
    text: str


async def read_runs(context: Context, found: Sequence[Failure]) -> list[Ready]:
    """The runs of these failures as they are now, the newest first."""
    latest = {item.run_id: item for item in found}
    ready = []
    for item in sorted(latest.values(), key=lambda item: -item.id):
        platform = context.platform(item.platform).platform
        event = known_run(item.platform, item.repository, item.run_id, item.request_number)
        try:
            run = await platform.read_run(event)
        except NotFound:
            continue  # deleted by somebody, so nobody waits for it
        policy = await context.policies.of_run(platform, run)
        ready.append(await ready_for(platform, run, policy, asked=True))
    return ready


async def retry(
    context: Context, session: AsyncSession, ready: Ready, asked_by: str, comment_id: str
) -> Retried:
    """Plan the re-run of a run's failed jobs, now; the act job does the rest.

    All in the caller's transaction: with its rollback nothing was planned.
    """
    run = ready.run
    if not run.completed:
        return Retried(True, f"{run.workflow} is running.")
    if not run.failed_jobs:
        return Retried(True, f"{run.workflow} is green by now.")
    known = await failures.of_run(session, run.platform, run.repository, run.run_id)
    stored = {item.job_id: item for item in known if item.run_attempt == run.attempt}
    jobs = [job for job in run.failed_jobs if job.id in stored]
    if not jobs:
        return Retried(False, f"{run.workflow} has just failed; its diagnosis comes first.")
    if any(stored[job.id].status == "healing" for job in jobs):
        return Retried(True, f"{run.workflow} is being re-run already.")
    gathered = await _gather(context, session, ready, jobs, stored)
    plans = decide([item.case for item in gathered], datetime.now(UTC), past=OVERRULED)
    planned = [
        (stored[job.id], item.kept_with(_by_person(stored[job.id], plan, asked_by, comment_id)))
        for job, item, plan in zip(jobs, gathered, plans, strict=True)
        if plan.status == "healing"
    ]
    if not planned:
        return Retried(False, _why_not(run, jobs, plans))
    for failure, plan in planned:
        failures.plan_anew(failure, plan)
    made = [
        (item.case.facts, plan, stored[job.id].id)
        for job, item, plan in zip(jobs, gathered, plans, strict=True)
    ]
    await incidents.decided(context, session, made, datetime.now(UTC))
    await start(context, session, run, [plan for _, plan in planned])
    left = [job.name for job in jobs if stored[job.id].status != "healing"]
    text = f"{run.workflow} is being re-run ({len(planned)} of {len(run.failed_jobs)} failed jobs)."
    return Retried(True, f"{text} {_why_not(run, jobs, plans)}" if left else text)


async def _gather(
    context: Context,
    session: AsyncSession,
    ready: Ready,
    jobs: Sequence[Job],
    stored: dict[str, Failure],
) -> list[Gathered]:
    platform = context.platform(ready.run.platform).platform
    failed = [(job, stored_diagnosis(stored[job.id].diagnosis)) for job in jobs]
    gathered = await gather(session, platform, ready, failed, datetime.now(UTC), anew=True)
    known = [item.remembering(stored[job.id]) for job, item in zip(jobs, gathered, strict=True)]
    return [replace(item, case=replace(item.case, policy=_as_asked(item))) for item in known]


def _as_asked(item: Gathered) -> Policy:
    """In `suggest` a person decides, and here one has."""
    policy = item.case.policy
    return policy.model_copy(update={"mode": "act"}) if policy.mode == "suggest" else policy


def _by_person(failure: Failure, plan: Plan, asked_by: str, comment_id: str) -> Plan:
    """The plan as this person's: its action is another one than ours for the same attempt."""
    earlier = stored_plan(failure.plan)
    guards = [item.guard for item in earlier.refusals if item.step == "rerun"]
    overruled = [guard for guard in guards if guard in OVERRULED]
    why = f"{asked_by} has asked for it" + (f", past {', '.join(overruled)}." if overruled else ".")
    steps = tuple(
        Step(step.kind, {**step.params, "asked_by": asked_by, "comment": comment_id}, why)
        for step in plan.steps
        if step.kind == "rerun"
    )
    # What else was planned was not asked about, and stays as it was.
    return replace(
        plan,
        steps=(*steps, *(step for step in earlier.steps if step.kind != "rerun")),
        refusals=tuple(item for item in earlier.refusals if item.step != "rerun"),
        summary=why,
    )


def _why_not(run: Run, jobs: Sequence[Job], plans: Sequence[Plan]) -> str:
    """The refusals that hold for people, each sentence once."""
    told: dict[str, None] = {}
    for plan in plans:
        for refusal in plan.refusals:
            if refusal.step == "rerun":
                told[refusal.reason] = None
    return f"Not re-run of {run.workflow}: {' '.join(told)}"
