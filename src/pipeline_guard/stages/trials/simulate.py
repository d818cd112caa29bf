"""Simulate: what stored failures would have come to under another policy; changes nothing."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.plan import Plan, stored_plan
from pipeline_guard.policy.layers import Setting
from pipeline_guard.policy.load import Loaded
from pipeline_guard.policy.schema import GuardFile, RepositoryFile
from pipeline_guard.stages.decide.case import Case
from pipeline_guard.stages.decide.decide import decide
from pipeline_guard.stages.decide.facts import from_json
from pipeline_guard.stages.gather.policies import RunPolicy
from pipeline_guard.store import failures
from pipeline_guard.store.tables import Failure


@dataclass(frozen=True, slots=True)
class Another:
    """The policy to try: guard.yaml, a repository's own file, or both."""

    default_mode: Setting
    guard: Loaded[GuardFile] | None = None
    own: Loaded[RepositoryFile] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One failure: whether it was re-run, whether it would have been, and what held it back."""

    failure: Failure
    was: bool
    would_be: bool
    refused: tuple[str, ...]
    refuses: tuple[str, ...]
    minutes: float
    """What the re-run that would have been planned takes; of a run's failures, once."""

    @property
    def differs(self) -> bool:
        """Would anything about it have been another?"""
        return (self.was, self.refused) != (self.would_be, self.refuses)


async def simulate(
    session: AsyncSession, another: Another, now: datetime, days: int
) -> AsyncIterator[Outcome]:
    """Decide anew, as of the time it was decided, every failure of the last `days` days.

    Counts of earlier re-runs stay what they were: what would have followed from another decision
    is not known.
    """
    group: list[Failure] = []
    async for failure in failures.by_attempt(session, now - timedelta(days=days)):
        if group and _attempt(group[0]) != _attempt(failure):
            for outcome in _anew(another, group):
                yield outcome
            group = []
        if failure.plan.get("facts"):
            group.append(failure)
    for outcome in _anew(another, group):
        yield outcome


def _attempt(failure: Failure) -> tuple[str, str, str, int]:
    return failure.platform, failure.repository, failure.run_id, failure.run_attempt


def _anew(another: Another, group: Sequence[Failure]) -> list[Outcome]:
    if not group:
        return []
    cases = []
    for failure in group:
        facts = from_json(failure.plan["facts"], failure.diagnosis)
        policy = RunPolicy(another.guard, another.default_mode, another.own, facts.run)
        cases.append(Case(facts, policy.of_job(facts.job.name).policy))
    plans = decide(cases, group[0].created_at)
    return [_outcome(failure, plan) for failure, plan in zip(group, plans, strict=True)]


def _outcome(failure: Failure, plan: Plan) -> Outcome:
    earlier = stored_plan(failure.plan)
    again = next((step for step in plan.live if step.kind == "rerun"), None)
    return Outcome(
        failure,
        any(step.kind == "rerun" for step in earlier.live),
        again is not None,
        _refusing(earlier),
        _refusing(plan),
        again.params.get("minutes", 0.0) if again else 0.0,
    )


def _refusing(plan: Plan) -> tuple[str, ...]:
    """The guards against a re-run."""
    return tuple(item.guard for item in plan.refusals if item.step == "rerun")
