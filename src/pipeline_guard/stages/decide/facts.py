"""The facts a decision about one failure rests on, and how they are kept beside the plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter

from pipeline_guard.domain.capabilities import Capability
from pipeline_guard.domain.chance import Record, is_flaky
from pipeline_guard.domain.changes import Declined, PreparedPatch, Quarantine
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.dispatch import OtherRunner
from pipeline_guard.domain.incident import OpenIncident
from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.domain.trust import RuleTrust

NOTHING_KNOWN: Final = Record()


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent on re-runs over the last 24 hours, those just planned included."""

    reruns: int = 0
    minutes: float = 0.0
    money: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """Where else the failure was seen on the run's branch: in how many other runs, since when."""

    runs: int = 0
    first: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All a decision about one failure rests on, gathered before it is made."""

    run: Run
    job: Job
    diagnosis: Diagnosis
    capabilities: frozenset[Capability]
    identity: str | None = None
    """Our own login on the platform."""
    missing_right: str | None = None
    """What our credentials lack to re-run here, where the platform tells."""
    failed_jobs: int = 1
    all_jobs: int = 1
    protected_beside: tuple[str, ...] = ()
    """Protected jobs of the run that a re-run of its failed jobs would take along."""
    starts_again: tuple[str, ...] = ()
    """Protected jobs that ran already and may need this one: its re-run would run them again."""
    starts_first: tuple[str, ...] = ()
    """Protected jobs that were skipped and may start once this one is green."""
    reruns: int = 0
    """Re-runs of this job at this commit that we have asked for."""
    base_reruns: int = 0
    """Ours of this job on this branch, or for this request, over the last 24 hours."""
    last_rerun: datetime | None = None
    """When the newest of those was planned."""
    on_target: datetime | None = None
    """When the same failure was seen on the request's target branch and did not pass since."""
    outcomes: Record = NOTHING_KNOWN
    """What came of earlier re-runs of such failures."""
    trust: RuleTrust | None = None
    """What came of the re-runs that the rule which named the cause has asked for."""
    seen: Seen = Seen()
    """Over the last 7 days, of a run that no request is for."""
    incident: OpenIncident | None = None
    """The open incident that the failure is part of."""
    repository: Spent = Spent()
    organisation: Spent = Spent()
    patch: PreparedPatch | None = None
    """A change that may mend it, held against the files as they are."""
    quarantine: Quarantine | None = None
    """What is known of its one failed test, where the policy asks for that."""
    other_runner: OtherRunner | None = None
    """What was read about giving the run another runner, where the policy asks for that."""
    declined: tuple[Declined, ...] = ()
    """What people did not want when it was proposed about this failure before."""
    switched_off: str | None = None
    """Who of the repository's people has switched healing off, and when; None when it is on."""

    @property
    def tried_again(self) -> int:
        """How often the job was run again at this commit, by whomever."""
        return max(self.reruns, (self.job.tries or self.run.attempt) - 1)

    @property
    def flaky(self) -> bool:
        """See domain.chance.is_flaky."""
        found = self.diagnosis
        return is_flaky(found.category, self.outcomes.fingerprint, transient=found.transient)

    @property
    def minutes(self) -> float:
        """What the job took, in minutes, hence what it will take again; 0 when untold."""
        if self.job.seconds is not None:
            return self.job.seconds / 60
        start, end = self.run.started_at, self.run.finished_at
        if self.all_jobs != 1 or start is None or end is None:
            return 0.0
        return max((end - start).total_seconds(), 0.0) / 60


_DIAGNOSIS: Final[TypeAdapter[Diagnosis]] = TypeAdapter(Diagnosis)


def stored_diagnosis(kept: Mapping[str, Any]) -> Diagnosis:
    """The whole diagnosis of a stored failure: an issue decided on later shows its lines, too."""
    return _DIAGNOSIS.validate_python(kept)


_FACTS: Final[TypeAdapter[Facts]] = TypeAdapter(Facts)


def as_json(facts: Facts) -> dict[str, Any]:
    """The facts as JSON-ready data, without the diagnosis and the run's jobs.

    Both are large, and the diagnosis is stored beside it anyway.
    """
    left_out: Any = {"diagnosis": True, "run": {"jobs", "hints"}, "job": {"hints"}}
    kept: dict[str, Any] = _FACTS.dump_python(facts, mode="json", exclude=left_out)
    return kept


def from_json(kept: Mapping[str, Any], diagnosis: Mapping[str, Any]) -> Facts:
    """The facts of a stored plan with its diagnosis; raises ValueError when they do not fit."""
    return _FACTS.validate_python({**kept, "diagnosis": diagnosis})
