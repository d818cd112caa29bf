"""Gather: every fact a decision needs, read once, in a few queries, before it is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.changes import Declined, PreparedPatch, Quarantine
from pipeline_guard.domain.deploys import KnowsEnvironments
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.dispatch import OtherRunner
from pipeline_guard.domain.plan import Plan
from pipeline_guard.domain.rights import KnowsRights
from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.domain.trust import RuleTrust
from pipeline_guard.errors import PlatformError
from pipeline_guard.policy.layers import Resolved
from pipeline_guard.policy.schema import Budgets
from pipeline_guard.remedies.quarantine import print_of
from pipeline_guard.stages.breakers.incidents import watch
from pipeline_guard.stages.decide.case import Case
from pipeline_guard.stages.decide.choice import choice
from pipeline_guard.stages.decide.facts import Facts, Seen, Spent, as_json, from_json
from pipeline_guard.stages.decide.guards import NAMES, protecting
from pipeline_guard.stages.gather.policies import RunPolicy
from pipeline_guard.store import history, proposals, switches, trust
from pipeline_guard.store.tables import Failure
from pipeline_guard.store.tracker import Sighting, sightings

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
REMEMBERED = timedelta(days=90)
"""Outcomes of re-runs older than that tell of machines and mirrors that are others by now."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A case, and where the values of its policy are from."""

    case: Case
    resolved: Resolved

    def offering(
        self,
        patch: PreparedPatch | None,
        quarantine: Quarantine | None,
        other_runner: OtherRunner | None,
    ) -> "Gathered":
        """The same with the changes that may be proposed for the failure, and another runner."""
        facts = replace(
            self.case.facts, patch=patch, quarantine=quarantine, other_runner=other_runner
        )
        return replace(self, case=replace(self.case, facts=facts))

    def remembering(self, failure: Failure) -> "Gathered":
        """The same with what was read for the failure when it was decided first."""
        if not failure.plan.get("facts"):
            return self
        earlier = from_json(failure.plan["facts"], failure.diagnosis)
        return self.offering(earlier.patch, earlier.quarantine, earlier.other_runner)

    def kept_with(self, plan: Plan) -> Plan:
        """The plan with all that it rested on, so that it can be explained and decided anew."""
        facts = as_json(self.case.facts)
        facts |= {"choice": choice(self.case.facts, self.case.policy), "guards": list(NAMES)}
        return replace(plan, facts=facts, policy=self.resolved.explained())


@dataclass(frozen=True, slots=True)
class Ready:
    """A run as it is now with its policy, who we are there, and what we lack to re-run it."""

    run: Run
    policy: RunPolicy
    identity: str | None
    missing_right: str | None


async def ready_for(
    platform: Platform, run: Run, policy: RunPolicy, *, asked: bool = False
) -> Ready:
    """Ask the platform, before the transaction that decides: it may let us wait.

    `asked`: a person wants a re-run, which is enough in the mode `suggest`, too. Raises
    PlatformError when it is worth another try later.
    """
    modes = {policy.of_job(job.name).policy.mode for job in run.failed_jobs}
    acts = "act" in modes or (asked and "suggest" in modes)
    missing = await _missing_right(platform, run) if acts else None
    run = await with_environments(platform, run)
    return Ready(run, policy, await platform.identity(), missing)


async def gather(
    session: AsyncSession,
    platform: Platform,
    ready: Ready,
    failed: Sequence[tuple[Job, Diagnosis]],
    now: datetime,
    *,
    anew: bool = False,
) -> list[Gathered]:
    """One case per failed job, in order; until the transaction ends, no other decides here.

    `anew` tells that the failures are stored already, and so make no incident bigger. Nothing is
    asked of the platform.
    """
    run, policy = ready.run, ready.policy
    known = {job.id: job for job in run.jobs}
    failed = [(known.get(job.id, job), diagnosis) for job, diagnosis in failed]
    resolved = [policy.of_job(job.name) for job, _ in failed]
    shared = resolved[0].policy.organisation_budgets != Budgets()
    await history.one_by_one(session, run, organisation=shared)
    facts = replace(
        await _of_run(session, platform, run, failed[0], now, shared=shared),
        identity=ready.identity,
        missing_right=ready.missing_right,
        protected_beside=_protected_beside(platform, run, policy),
    )
    past = await _past(session, run, failed, now)
    limits = resolved[0].policy.incidents
    diagnoses = [diagnosis for _, diagnosis in failed]
    held = await watch(session, run, diagnoses, limits, now, counts=not anew)
    cases = []
    for (job, diagnosis), found in zip(failed, resolved, strict=True):
        again, first = _started_by(platform, run, job, policy)
        own = replace(
            past.of(facts, job, diagnosis),
            starts_again=again,
            starts_first=first,
            incident=held.get(diagnosis.fingerprint),
            trust=await _trust(session, diagnosis, now - REMEMBERED),
            outcomes=await history.outcomes(session, run, diagnosis, now - REMEMBERED),
            declined=await _declined(session, run, diagnosis, now - REMEMBERED),
        )
        cases.append(Gathered(Case(own, found.policy), found))
    return cases


async def _of_run(
    session: AsyncSession,
    platform: Platform,
    run: Run,
    one: tuple[Job, Diagnosis],
    now: datetime,
    *,
    shared: bool,
) -> Facts:
    """What is the same for all failures of the run; `one` of them stands in for each."""
    together = Spent()
    if shared:
        together = Spent(*await history.spent(session, run, now - DAY, organisation=True))
    return Facts(
        run,
        *one,
        platform.capabilities,
        failed_jobs=len(run.failed_jobs),
        all_jobs=len(run.jobs),
        repository=Spent(*await history.spent(session, run, now - DAY)),
        organisation=together,
        switched_off=await switches.off_by(session, run.platform, run.repository),
    )


@dataclass(frozen=True, slots=True)
class _Past:
    """What happened before, by job name or by fingerprint."""

    done: Mapping[str, history.Reruns]
    on_target: Mapping[str, datetime]
    elsewhere: Mapping[str, Sighting]

    def of(self, facts: Facts, job: Job, diagnosis: Diagnosis) -> Facts:
        """The facts of one failure."""
        reruns = self.done.get(job.name, history.Reruns())
        return replace(
            facts,
            job=job,
            diagnosis=diagnosis,
            reruns=reruns.at_commit,
            base_reruns=reruns.of_base,
            last_rerun=reruns.newest,
            on_target=self.on_target.get(diagnosis.fingerprint),
            seen=_seen(self.elsewhere.get(diagnosis.fingerprint)),
        )


async def _past(
    session: AsyncSession, run: Run, failed: Sequence[tuple[Job, Diagnosis]], now: datetime
) -> _Past:
    prints = [diagnosis.fingerprint for _, diagnosis in failed]
    target = run.request.target_branch if run.request else None
    return _Past(
        await history.reruns(session, run, [job.name for job, _ in failed], now - DAY),
        await history.on_branch(session, run, target, prints, now - DAY) if target else {},
        await sightings(session, run, prints, now - WEEK) if run.request is None else {},
    )


async def _trust(session: AsyncSession, diagnosis: Diagnosis, since: datetime) -> RuleTrust | None:
    """What came of the rule's re-runs; nobody asks where no rule calls it transient."""
    if diagnosis.rule is None or diagnosis.rule_version is None or not diagnosis.transient:
        return None
    return await trust.of_rule(session, diagnosis.rule, diagnosis.rule_version, since)


async def _declined(
    session: AsyncSession, run: Run, diagnosis: Diagnosis, since: datetime
) -> tuple[Declined, ...]:
    """What was proposed about the failure or its tests before, and not wanted."""
    prints = [diagnosis.fingerprint, *(print_of(test) for test in diagnosis.failed_tests)]
    return tuple(await proposals.declined(session, run, prints, since))


def _seen(elsewhere: Sighting | None) -> Seen:
    return Seen(elsewhere.runs, elsewhere.first) if elsewhere else Seen()


async def with_environments(platform: Platform, run: Run) -> Run:
    """The run with what its jobs deploy to; raises PlatformError when it is worth another try."""
    if not isinstance(platform, KnowsEnvironments):
        return run
    told = await platform.environments(run)
    jobs = (replace(job, environment=told.get(job.original_name)) for job in run.jobs)
    return replace(run, jobs=tuple(jobs))


async def _missing_right(platform: Platform, run: Run) -> str | None:
    """What we lack to re-run; asked only where something may be re-run."""
    if not isinstance(platform, KnowsRights):
        return None
    try:
        return await platform.missing_right(run.repository)
    except PlatformError as error:
        if error.worth_retry:
            raise
        return None  # what cannot be asked is found out by trying


def _protected_beside(platform: Platform, run: Run, policy: RunPolicy) -> tuple[str, ...]:
    """Protected jobs that re-running "the failed jobs" would start, the cancelled ones, too.

    GitLab retries cancelled jobs together with the failed ones; where only the whole run can be
    run again, every job of it is started.
    """
    whole = "rerun_failed_jobs" not in platform.capabilities
    touched = [job for job in run.jobs if whole or job.failed or job.conclusion == "cancelled"]
    return tuple(job.name for job in touched if _is_protected(job, policy))


def _is_protected(job: Job, policy: RunPolicy) -> bool:
    return protecting(job, policy.of_job(job.name).policy) is not None


def _started_by(
    platform: Platform, run: Run, job: Job, policy: RunPolicy
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Protected jobs that a re-run of this one may run again, and those it may start at last.

    No API tells which job needs which. But one that had started before this one ended cannot have
    waited for it; every other one counts as its dependent.
    """
    again, first = [], []
    for other in run.jobs:
        if other.id == job.id or not _is_protected(other, policy):
            continue
        if other.conclusion == "skipped":
            first.append(other.name)
        elif "rerun_takes_dependents" in platform.capabilities and not (
            other.started_at and job.finished_at and other.started_at < job.finished_at
        ):
            again.append(other.name)
    return tuple(again), tuple(first)
