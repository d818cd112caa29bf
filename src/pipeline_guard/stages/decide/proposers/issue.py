"""Proposes an issue for a failure that stays on a branch: genuine, or given up after re-runs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pipeline_guard.domain.places import files_in
from pipeline_guard.domain.plan import Plan, Refusal, Step
from pipeline_guard.policy.patterns import fits_branch
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.decide.facts import Facts
from pipeline_guard.stages.decide.guards import GIVEN_UP, Guard
from pipeline_guard.stages.decide.proposers.base import refused_before, weigh

MAX_EVIDENCE: Final = 5
MAX_TESTS: Final = 10
MAX_LINE: Final = 300


def propose(facts: Facts, policy: Policy, plan: Plan, now: datetime) -> Sequence[Step | Refusal]:
    """The issue, or what speaks against one; nothing for requests and for what is being healed."""
    if not policy.issue.enabled or not _stays(facts, plan) or not _is_of_branch(facts, policy):
        return ()
    # One action an hour is enough to keep a count up to date, however many runs are red.
    once = f"{facts.diagnosis.fingerprint}/{now:%Y-%m-%dT%H}"
    why = f"{facts.diagnosis.category} stays on {facts.run.branch}."
    step = Step("issue", _params(facts, policy, now), why, once)
    return weigh(step, GUARDS, "act", facts, policy, now)


def _stays(facts: Facts, plan: Plan) -> bool:
    """No re-run is coming that may heal it, and it is a failure that has a name."""
    found = facts.diagnosis
    if not found.fingerprint or found.category in ("none", "cancelled"):
        return False
    given_up = any(item.guard in GIVEN_UP for item in plan.refusals if item.step == "rerun")
    return plan.status != "healing" and (given_up or not found.transient)


def _is_of_branch(facts: Facts, policy: Policy) -> bool:
    """A run of one of the branches themselves; a closed request's run is of none."""
    run = facts.run
    if run.request is not None or run.branch is None:
        return False
    if (run.trigger or "").startswith(("pull_request", "merge_request", "external_pull_request")):
        return False
    return any(fits_branch(run.branch, pattern) for pattern in policy.issue.on_branches)


def seen_enough(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """What the next commit mends needs no issue."""
    runs = facts.seen.runs + 1
    if runs >= policy.issue.after:
        return None
    return f"Seen in {runs} runs of 7 days; an issue is opened from {policy.issue.after} on."


def in_incident(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """One cause that hits many repositories is no issue of each."""
    if facts.incident is None:
        return None
    return f"Incident {facts.incident.id} stands for it."


def declined(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """What people have decided to live with is not brought up again."""
    return refused_before(facts, "issue", facts.diagnosis.fingerprint)


GUARDS: Final[tuple[Guard, ...]] = (seen_enough, in_incident, declined)


def _params(facts: Facts, policy: Policy, now: datetime) -> dict[str, Any]:
    """All that the issue tells, as data."""
    run, found = facts.run, facts.diagnosis
    evidence = [item.text[:MAX_LINE] for item in found.evidence]
    return {
        "fingerprint": found.fingerprint,
        "repository": run.repository,
        "workflow": run.workflow,
        "job": facts.job.name,
        "branch": run.branch,
        "commit": run.commit or "",
        "category": found.category,
        "advice": found.advice,
        "url": facts.job.url or run.url,
        "evidence": evidence[:MAX_EVIDENCE],
        "tests": [name[:MAX_LINE] for name in found.failed_tests[:MAX_TESTS]],
        "files": list(files_in((*found.failed_tests, *evidence))),
        "runs": facts.seen.runs + 1,
        "first": f"{facts.seen.first or now:%Y-%m-%d %H:%M} UTC",
        "last": f"{now:%Y-%m-%d %H:%M} UTC",
        "title": policy.issue.title,
        "body": policy.issue.body,
        "labels": list(policy.issue.labels),
        "quiet_days": policy.issue.quiet_days,
    }
