"""Decide: what to do about a failure, from facts, policy and history alone; nothing is read here.

Guards are a tuple of small functions. Each looks at the same facts and either has nothing to say
or returns a refusal; all of them are asked and every refusal is kept, so that a person sees the
whole of "why not", not only its first reason.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pipeline_guard.domain.capabilities import Capability, RerunScope
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.plan import FailureStatus, Mode, Plan, Refusal, Step
from pipeline_guard.domain.runs import Job, Run


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator allows; the defaults are the careful ones."""

    mode: Mode = "observe"
    max_reruns: int = 2
    """Re-runs per job and commit, ours and other people's together."""
    min_confidence: float = 0.5
    """Below it a diagnosis is a guess, and a guess re-runs nothing."""
    never_rerun: tuple[str, ...] = ("*deploy*", "release*", "*publish*")
    """Job or workflow names (shell patterns, case ignored) that are never re-run.

    "release" counts at the start only: "test (release)" names a kind of build everywhere.
    """


@dataclass(frozen=True, slots=True)
class Facts:
    """All a decision about one failure rests on, gathered before it is made."""

    run: Run
    job: Job
    diagnosis: Diagnosis
    capabilities: frozenset[Capability]
    identity: str | None = None
    """Our own login on the platform."""
    reruns: int = 0
    """Re-runs of this job at this commit that we have asked for."""


Guard = Callable[[Facts, Policy], str | None]


def mode(facts: Facts, policy: Policy) -> str | None:
    """Only `act` acts."""
    if policy.mode == "act":
        return None
    return f"The mode is {policy.mode}: nothing is re-run, this is what would have been done."


def transient(facts: Facts, policy: Policy) -> str | None:
    """An unchanged re-run of a genuine failure only burns minutes and hides it."""
    if facts.diagnosis.transient:
        return None
    return f"A re-run would not help: {facts.diagnosis.category} does not go away by itself."


def confidence(facts: Facts, policy: Policy) -> str | None:
    """A guess is not a cause."""
    if facts.diagnosis.confidence >= policy.min_confidence:
        return None
    return (
        f"The cause is not sure enough: {facts.diagnosis.confidence:.2f},"
        f" {policy.min_confidence:.2f} is needed."
    )


def attempts(facts: Facts, policy: Policy) -> str | None:
    """Retries never loop: ours are counted, and so are those of other people."""
    done = max(facts.reruns, facts.run.attempt - 1)
    if done < policy.max_reruns:
        return None
    return f"It was re-run {done} times at this commit already; {policy.max_reruns} is the most."


def superseded(facts: Facts, policy: Policy) -> str | None:
    """Nobody waits for the result of an old commit."""
    head, commit = facts.run.head_sha, facts.run.commit
    if head is None or commit is None or head == commit:
        return None
    if not head:
        return "The branch is gone, so nobody waits for this result."
    return f"A newer commit ({head[:10]}) has replaced {commit[:10]}."


def own_actor(facts: Facts, policy: Policy) -> str | None:
    """We never answer what we caused ourselves."""
    if facts.identity is None or facts.run.actor != facts.identity:
        return None
    return f"The run was caused by Pipeline Guard itself ({facts.identity})."


def never_rerun(facts: Facts, policy: Policy) -> str | None:
    """A second deploy can do harm that no red build does."""
    for name in (facts.job.name, facts.run.workflow):
        for pattern in policy.never_rerun:
            if _matches(name, pattern):
                return f"'{name}' matches '{pattern}', which is never re-run."
    return None


def possible(facts: Facts, policy: Policy) -> str | None:
    """The platform must be able to do it."""
    if facts.capabilities & {"rerun_run", "rerun_failed_jobs", "rerun_job"}:
        return None
    return f"{facts.run.platform} offers no way to re-run."


GUARDS: tuple[Guard, ...] = (
    transient,
    confidence,
    attempts,
    superseded,
    own_actor,
    never_rerun,
    possible,
    mode,
)


def _matches(name: str, pattern: str) -> bool:
    """A pattern fits the name as a whole or a part between slashes ("ci / release (eu)")."""
    lowered = name.lower()
    parts = [lowered, *(part.strip() for part in lowered.split("/"))]
    return any(fnmatchcase(part, pattern.lower()) for part in parts)


def refusals(facts: Facts, policy: Policy) -> tuple[Refusal, ...]:
    """What every guard has against a re-run, in the guards' order."""
    found = ((guard.__name__, guard(facts, policy)) for guard in GUARDS)
    return tuple(Refusal(name, reason) for name, reason in found if reason)


def decide(all_facts: Sequence[Facts], policy: Policy) -> list[Plan]:
    """One plan per failure of a run, in the same order.

    The failures of one run are decided together, because re-running "the failed jobs" touches
    all of them: it is used only when every failed job may be re-run, else each job by itself.
    """
    refused = [refusals(facts, policy) for facts in all_facts]
    willing = [not any(item.guard != "mode" for item in found) for found in refused]
    together = all(willing) and len(all_facts) == len(all_facts[0].run.failed_jobs)
    plans = []
    chosen = False
    for facts, found, wanted in zip(all_facts, refused, willing, strict=True):
        if wanted and chosen and not together:
            # A platform runs one attempt of a run at a time; this job's turn is the next one.
            waits = Refusal("one_at_a_time", "Another job of this run is re-run first.")
            plans.append(_plan(facts, policy, (*found, waits), wanted=False, together=False))
            continue
        plans.append(_plan(facts, policy, found, wanted=wanted, together=together))
        chosen = chosen or wanted
    return plans


def _plan(
    facts: Facts, policy: Policy, found: tuple[Refusal, ...], *, wanted: bool, together: bool
) -> Plan:
    if not wanted:
        return Plan((), found, _status_when_refused(facts, policy, found), _why_not(found))
    scope = _scope(facts.capabilities, together=together)
    if scope is None:
        refusal = Refusal(
            "possible", "Other jobs of this run must not be re-run, and one alone cannot be here."
        )
        return Plan((), (*found, refusal), "open", refusal.reason)
    why = (
        f"{facts.diagnosis.category} is transient; re-run"
        f" {facts.run.attempt} of at most {policy.max_reruns}."
    )
    params = {"scope": scope} | ({"job": facts.job.id} if scope == "job" else {})
    step = Step("rerun", params, why)
    status: FailureStatus = "healing" if policy.mode == "act" else _idle_status(policy)
    return Plan((step,), found, status, why)


def _scope(capabilities: frozenset[Capability], *, together: bool) -> RerunScope | None:
    """The smallest re-run that the platform can do and that touches nothing it must not."""
    if together and "rerun_failed_jobs" in capabilities:
        return "failed_jobs"
    if "rerun_job" in capabilities:
        return "job"
    if together and "rerun_run" in capabilities:
        return "run"
    return None


def _idle_status(policy: Policy) -> FailureStatus:
    return "observed" if policy.mode == "observe" else "open"


def _status_when_refused(facts: Facts, policy: Policy, found: tuple[Refusal, ...]) -> FailureStatus:
    guards = {item.guard for item in found}
    if facts.diagnosis.category == "cancelled":
        return "ignored"
    if "superseded" in guards:
        return "superseded"
    if policy.mode == "observe":
        return "observed"
    # Transient and still red after all that is allowed: now a person has to look.
    if "attempts" in guards and "transient" not in guards:
        return "escalated"
    return "open"


def _why_not(found: tuple[Refusal, ...]) -> str:
    return next((item.reason for item in found if item.guard != "mode"), "")
