"""The guards: each looks at the facts and the policy, and says why not, or nothing.

All are asked and every refusal is kept, so that a person sees the whole of "why not", not only
its first reason.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from pipeline_guard.domain.diagnosis import TRANSIENT_BY_NATURE
from pipeline_guard.domain.plan import Refusal
from pipeline_guard.domain.runs import Job
from pipeline_guard.domain.trust import RECOVERED
from pipeline_guard.policy.patterns import fits_environment, fits_job
from pipeline_guard.policy.schema import Budgets, Policy
from pipeline_guard.stages.decide.choice import money, weighed
from pipeline_guard.stages.decide.facts import Facts, Spent

Guard = Callable[[Facts, Policy, datetime], str | None]

FEW_JOBS: Final = 4
"""So many red jobs are not many, whatever their share of a small run."""


def transient(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """An unchanged re-run of a genuine failure only burns minutes and hides it."""
    found = facts.diagnosis
    if found.transient or facts.flaky:
        return None
    if found.category == "unknown":
        return "Nobody can tell whether a re-run would help: the cause is not known."
    if found.category in TRANSIENT_BY_NATURE:
        return f"It may be {found.category}, but the signs that a re-run passes are too weak."
    return f"A re-run would not help: {found.category} does not go away by itself."


def category(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """Some causes are for people, however transient."""
    if facts.diagnosis.category not in policy.categories.never:
        return None
    return f"{facts.diagnosis.category} is among the categories that are never re-run."


def confidence(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """A guess is not a cause."""
    if facts.diagnosis.confidence >= policy.min_confidence:
        return None
    return (
        f"The cause is not sure enough: {facts.diagnosis.confidence:.2f},"
        f" {policy.min_confidence:.2f} is needed."
    )


def attempts(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """Retries never loop: ours are counted, and so are those of other people."""
    done = facts.tried_again
    if done < policy.max_reruns:
        return None
    return f"It was re-run {done} times at this commit already; {policy.max_reruns} is the most."


def natively_retried(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """What the platform's own retry did not mend, one more try does not mend either."""
    others = facts.tried_again - facts.reruns if facts.job.tries is not None else 0
    if others < 1:
        return None
    times = "once" if others == 1 else f"{others} times"
    return f"It was tried again {times} without us, by its own retry or a person, and failed again."


def base_attempts(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """A new commit is no reason to begin counting anew."""
    if facts.base_reruns < policy.max_reruns_per_base:
        return None
    base = f"for request {facts.run.request.number}" if facts.run.request else "on this branch"
    return (
        f"It was re-run {facts.base_reruns} times {base} in 24 hours;"
        f" {policy.max_reruns_per_base} is the most."
    )


def cool_down(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """What fails so soon again needs time or a person, not another try."""
    if facts.last_rerun is None or not policy.cool_down:
        return None
    since = now - facts.last_rerun
    if since >= timedelta(minutes=policy.cool_down):
        return None
    return (
        f"It was re-run {since.total_seconds() / 60:.0f} minutes ago;"
        f" {policy.cool_down} must lie between two re-runs."
    )


def worth(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """What history says will hardly pass is not worth the minutes, nor the wait."""
    if not (facts.diagnosis.transient or facts.flaky):
        return None
    found = weighed(facts, policy)
    if found.pays:
        return None
    known = facts.outcomes.fingerprint
    return (
        f"It is not worth it: of {known.ended} re-runs of this very failure {known.passed} passed,"
        f" so the chance is {found.chance:.0%}; that saves {found.gain:.1f} minutes of a person and"
        f" costs {found.cost:.1f}."
    )


def breadth(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """Many jobs red at once share a cause that no re-run of theirs mends."""
    red, limits = facts.failed_jobs, policy.breadth
    if red > limits.max_failed:
        return f"{red} jobs of this run are red; with over {limits.max_failed} it is no flake."
    if red > FEW_JOBS and red > limits.max_share * facts.all_jobs:
        return (
            f"{red} of the run's {facts.all_jobs} jobs are red;"
            f" over {limits.max_share:.0%} it is no flake."
        )
    return None


def same_on_target(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """What is broken where the change goes is not the change's fault, and stays broken."""
    if facts.on_target is None or facts.run.request is None:
        return None
    return (
        f"Not this change: the same failure is on {facts.run.request.target_branch}"
        f" since {facts.on_target:%Y-%m-%d %H:%M} UTC at the latest, so a re-run does not help."
    )


def incident(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """What hits everybody at once is not mended by everybody trying again."""
    found = facts.incident
    if found is None or found.probe:
        return None
    return (
        f"It is part of incident {found.id}, open since {found.opened_at:%Y-%m-%d %H:%M} UTC:"
        f" {found.failures} failures in {found.repositories} repositories. Re-runs wait until one"
        " that is let through passes; then this is decided again."
    )


def superseded(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """Nobody waits for the result of an old commit."""
    head, commit = facts.run.head_sha, facts.run.commit
    if head is None or commit is None or head == commit:
        return None
    if not head:
        return "The branch is gone, so nobody waits for this result."
    return f"A newer commit ({head[:10]}) has replaced {commit[:10]}."


def own_actor(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """We never answer what we caused ourselves."""
    if facts.identity is None or facts.run.actor != facts.identity:
        return None
    return (
        f"The run was caused by {facts.identity}, the account that Pipeline Guard works as, so it"
        " counts as its own."
    )


def never_rerun(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """A second deploy can do harm that no red build does."""
    names = (facts.job.name, facts.run.workflow, facts.run.trigger or "")
    found = (protecting_name(name, policy) for name in names)
    return next(filter(None, found), None) or protecting(facts.job, policy)


def dependents(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """What waits for a job starts with it, and a deploy is a deploy whoever started it."""
    if facts.starts_again:
        names = ", ".join(facts.starts_again)
        return f"A re-run may start {names} again, which is protected and may depend on this job."
    on_request = facts.run.request is not None
    if facts.starts_first and not (on_request or policy.let_protected_start):
        names = ", ".join(facts.starts_first)
        return (
            f"Once it is green, {names} may start, which is protected and was skipped so far"
            " (let_protected_start allows it)."
        )
    return None


def forks(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """A stranger's code gets no more of our minutes than a maintainer has let it have."""
    request = facts.run.request
    if request is None or not request.from_fork:
        return None
    if not policy.forks.rerun:
        return "The request comes from a fork, for which nothing is re-run here."
    if request.first_time_author and not policy.forks.first_time:
        return "The request is its author's first here; a maintainer decides on its re-runs."
    return None


def platform_limits(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """The platform would refuse it.

    A run that ended in time is asked for, however late it is now, and so is one whose end is not
    told: the platform's clock decides.
    """
    run = facts.run
    if run.reruns_left is not None and run.reruns_left < 1:
        return f"{run.platform} re-runs this run no more: it was re-run as often as it may be."
    if run.rerun_until and run.finished_at and run.finished_at >= run.rerun_until:
        return f"{run.platform} re-runs it no more since {run.rerun_until:%Y-%m-%d}: it is too old."
    return None


def possible(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """The platform must be able to do it."""
    if facts.capabilities & {"rerun_run", "rerun_failed_jobs", "rerun_job"}:
        return None
    return f"{facts.run.platform} offers no way to re-run."


def permission(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """What we may not do is said beforehand, with the right that is missing."""
    if facts.missing_right is None:
        return None
    return f"We may not re-run in {facts.run.repository}: we lack {facts.missing_right}."


def budget(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """A bad day must not cost more than somebody has agreed to."""
    return over_budget(facts, policy, Spent(1, facts.minutes, money(facts, policy)))


def over_budget(facts: Facts, policy: Policy, more: Spent) -> str | None:
    """Why the day's budgets do not last for this, too; None when they do."""
    return _over("this repository", facts.repository, more, policy.budgets) or _over(
        "this organisation", facts.organisation, more, policy.organisation_budgets
    )


def _over(whose: str, spent: Spent, more: Spent, limits: Budgets) -> str | None:
    if limits.reruns_per_day is not None and spent.reruns >= limits.reruns_per_day:
        return (
            f"The budget of {whose} is used up: {spent.reruns} of {limits.reruns_per_day}"
            " re-runs in 24 hours."
        )
    if limits.minutes_per_day is not None and spent.minutes + more.minutes > limits.minutes_per_day:
        return (
            f"The budget of {whose} does not last: {spent.minutes:.0f} of"
            f" {limits.minutes_per_day:.0f} minutes are spent in 24 hours, this takes"
            f" {more.minutes:.0f}."
        )
    if limits.money_per_day is not None and spent.money + more.money > limits.money_per_day:
        return (
            f"The budget of {whose} does not last: {spent.money:.2f} of"
            f" {limits.money_per_day:.2f} are spent in 24 hours, this costs {more.money:.2f}."
        )
    return None


def maintenance(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """While people work on the machines, red is expected and green means little."""
    window = next((item for item in policy.maintenance if item.covers(now)), None)
    return f"It is a maintenance window: {window} (UTC)." if window else None


def rule_trust(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """A rule that is mostly wrong may say what it thinks, but not act on it."""
    trust, limits = facts.trust, policy.rules
    if trust is None or not trust.demoted(limits.floor, limits.outcomes):
        return None
    every = timedelta(hours=limits.probe_hours)
    if trust.last_rerun is None or now - trust.last_rerun >= every:
        return None  # a probe: what comes of it counts
    return (
        f"The rule {trust.rule} is demoted to suggesting: {trust.right} of its newest"
        f" {len(trust.outcomes)} re-runs were right, which is below {limits.floor:.0%}. One is let"
        f" through every {limits.probe_hours:g} hours; {RECOVERED} right ones in a row, or a change"
        " of the rule, end it."
    )


def kill_switch(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """Off is off."""
    return None if policy.enabled else "Pipeline Guard is switched off here (enabled: false)."


def switched_off(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """The people who watch over it have the last word."""
    if facts.switched_off is None:
        return None
    by = facts.switched_off
    return f"Healing was switched off here by {by}; it is switched on again the same way."


def mode(facts: Facts, policy: Policy, now: datetime) -> str | None:
    """Only `act` acts."""
    if policy.mode == "act":
        return None
    return f"The mode is {policy.mode}: this is what would have been done."


GUARDS: Final[tuple[Guard, ...]] = (
    transient,
    category,
    confidence,
    attempts,
    natively_retried,
    base_attempts,
    cool_down,
    worth,
    breadth,
    same_on_target,
    incident,
    superseded,
    own_actor,
    never_rerun,
    dependents,
    forks,
    platform_limits,
    possible,
    permission,
    budget,
    maintenance,
    rule_trust,
    kill_switch,
    switched_off,
    mode,
)
NAMES: Final = tuple(guard.__name__ for guard in GUARDS)
"""What is asked about every re-run, kept with its plan."""
IDLE: Final = frozenset({"rule_trust", "kill_switch", "switched_off", "mode", "fork", "protected"})
"""Guards that do not doubt the plan: it is kept, as what would have been done."""
GIVEN_UP: Final = frozenset(
    {"attempts", "natively_retried", "base_attempts", "worth", "same_on_target"}
)
"""Guards that say of a transient failure: enough was tried, now a person has to look."""


def protecting(job: Job, policy: Policy) -> str | None:
    """Why a job is never to be re-run, by its name or by what it deploys to; None when it may."""
    there = job.environment
    if there and any(fits_environment(there, item) for item in policy.protected_environments):
        return f"'{job.name}' deploys to '{there}', which is protected (protected_environments)."
    return protecting_name(job.name, policy)


def protecting_name(name: str, policy: Policy) -> str | None:
    """Why what is so called is never to be re-run; None when it may."""
    pattern = next((item for item in policy.never_rerun if fits_job(name, item)), None)
    return f"'{name}' matches '{pattern}', which is never re-run." if pattern else None


def refusals(facts: Facts, policy: Policy, now: datetime) -> tuple[Refusal, ...]:
    """What every guard has against a re-run at that time, in the guards' order."""
    found = ((guard.__name__, guard(facts, policy, now)) for guard in GUARDS)
    return tuple(Refusal(name, reason) for name, reason in found if reason)
