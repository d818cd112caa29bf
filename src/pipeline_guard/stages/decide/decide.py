"""Decide: what to do about a failure, from facts, policy and time alone; nothing is read here."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pipeline_guard.domain.backoff import wait_seconds
from pipeline_guard.domain.capabilities import RerunScope
from pipeline_guard.domain.plan import FailureStatus, Plan, Refusal, Step
from pipeline_guard.stages.decide.case import Case
from pipeline_guard.stages.decide.choice import money
from pipeline_guard.stages.decide.elsewhere import elsewhere
from pipeline_guard.stages.decide.facts import Facts
from pipeline_guard.stages.decide.guards import GIVEN_UP, IDLE, refusals
from pipeline_guard.stages.decide.proposers import PROPOSERS


def decide(
    cases: Sequence[Case], now: datetime, *, past: frozenset[str] = frozenset()
) -> list[Plan]:
    """One plan per failure of a run attempt, in the same order.

    The failures of one run are decided together, because re-running "the failed jobs" touches
    all of them: it is used only when every failed job may be re-run, else each job by itself.
    `past` names guards whose refusals do not count, because a person has overruled them.
    """
    refused = [
        tuple(item for item in refusals(case.facts, case.policy, now) if item.guard not in past)
        for case in cases
    ]
    willing = [not any(item.guard not in IDLE for item in found) for found in refused]
    acting = [not found for found in refused]
    together = _together(cases, all(willing), acting)
    plans = []
    chosen = False
    for case, found, wanted in zip(cases, refused, willing, strict=True):
        if not wanted:
            status = _status_when_refused(case, found)
            plans.append(Plan((), found, status, _why_not(found)))
        elif chosen and not together:
            # A platform runs one attempt of a run at a time; this job's turn is the next one.
            waits = Refusal("one_at_a_time", "Another job of this run is re-run first.")
            plans.append(Plan((), (*found, waits), _idle_status(case), waits.reason))
        else:
            taken = cases if together else (case,)
            plan = _plan(case, found, taken, together)
            if not past:
                plan = _waiting(case, elsewhere(plan, case, taken, together=together))
            plans.append(plan)
            chosen = chosen or bool(plan.steps and not found) or not any(acting)
    return [_with_others(case, plan, now) for case, plan in zip(cases, plans, strict=True)]


def overtaken(case: Case, newest: int) -> Plan:
    """The plan for a failure that was read once there was a newer attempt: nothing is done."""
    reason = f"Attempt {newest} came before this one was read, and has the word."
    refused = (Refusal("newer_attempt", reason),)
    return Plan((), refused, _status_when_refused(case, refused), reason)


def _with_others(case: Case, plan: Plan, now: datetime) -> Plan:
    """The plan with what else may be done; its status stays the re-run's."""
    for propose in PROPOSERS:
        offered = propose(case.facts, case.policy, plan, now)
        steps = tuple(item for item in offered if isinstance(item, Step))
        against = tuple(item for item in offered if isinstance(item, Refusal))
        plan = replace(plan, steps=(*plan.steps, *steps), refusals=(*plan.refusals, *against))
    return plan


def _together(cases: Sequence[Case], all_willing: bool, acting: Sequence[bool]) -> bool:
    """May the failed jobs be re-run in one go? Not if that took along what must stay."""
    first = cases[0].facts
    return (
        all_willing
        and len(set(acting)) == 1
        and len(cases) == first.failed_jobs
        and not first.protected_beside
    )


def _plan(case: Case, found: tuple[Refusal, ...], taken: Sequence[Case], together: bool) -> Plan:
    facts = case.facts
    scope = _scope(facts, together)
    if scope is None:
        refusal = Refusal(
            "possible", "Other jobs of this run must not be re-run, and one alone cannot be here."
        )
        return Plan((), (*found, refusal), "open", refusal.reason)
    why = f"{_why(facts)}; re-run {facts.tried_again + 1} of at most {case.policy.max_reruns}."
    params: dict[str, Any] = {"scope": scope}
    if scope == "job":
        params["job"] = facts.job.id
    if case.is_last and case.policy.debug_last_rerun and "rerun_debug" in facts.capabilities:
        params["debug"] = True
    if minutes := sum(item.facts.minutes for item in taken):
        params["minutes"] = round(minutes, 2)
    if costs := sum(money(item.facts, item.policy) for item in taken):
        params["money"] = round(costs, 4)
    status: FailureStatus = _idle_status(case) if found else "healing"
    return Plan((Step("rerun", params, why),), found, status, why)


def _why(facts: Facts) -> str:
    if not facts.flaky:
        return f"{facts.diagnosis.category} is transient"
    known = facts.outcomes.fingerprint
    return (
        f"{facts.diagnosis.category} is flaky here: {known.passed} of {known.ended} unchanged"
        " re-runs passed"
    )


def _waiting(case: Case, plan: Plan) -> Plan:
    """The plan with the wait before a further re-run; a person's word is not kept waiting."""
    facts = case.facts
    name = "/".join((facts.run.repository, facts.run.run_id, str(facts.run.attempt)))
    wait = wait_seconds(60.0 * case.policy.backoff, facts.tried_again, name)
    if not wait:
        return plan
    params = {"wait": round(wait, 1)}
    steps = tuple(replace(step, params=step.params | params) for step in plan.steps)
    return replace(plan, steps=steps)


def _scope(facts: Facts, together: bool) -> RerunScope | None:
    """The smallest re-run that the platform can do and that touches nothing it must not."""
    if together and "rerun_failed_jobs" in facts.capabilities:
        return "failed_jobs"
    if "rerun_job" in facts.capabilities:
        return "job"
    if together and "rerun_run" in facts.capabilities:
        return "run"
    return None


def _idle_status(case: Case) -> FailureStatus:
    return "observed" if case.policy.mode == "observe" else "open"


def _status_when_refused(case: Case, found: tuple[Refusal, ...]) -> FailureStatus:
    guards = {item.guard for item in found}
    if case.facts.diagnosis.category == "cancelled":
        return "ignored"
    if "superseded" in guards:
        return "superseded"
    if case.policy.mode == "observe":
        return "observed"
    return "escalated" if guards & GIVEN_UP and "transient" not in guards else "open"


def _why_not(found: tuple[Refusal, ...]) -> str:
    return next((item.reason for item in found if item.guard not in IDLE), "")
