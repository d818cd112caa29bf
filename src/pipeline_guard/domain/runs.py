"""A run and its jobs as re-read from the platform: the authority a decision rests on.

Names are people's, and may hold a secret: none is made here that still shows it. What a platform
must be told as it is, it finds in the hints, which are neither stored nor shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from pipeline_guard.redaction.names import masked

RunStatus = Literal["queued", "in_progress", "completed"]
Conclusion = Literal["success", "failure", "cancelled", "timed_out", "skipped", "other"]

_AS_IT_IS: Final = "as_it_is"
"""The hint that holds a name which was masked."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job of one run attempt. `name` is stable over attempts; `id` need not be."""

    id: str
    name: str
    conclusion: Conclusion | None
    url: str | None = None
    failed_step: str | None = None
    seconds: float | None = None
    """How long it ran, where the platform tells."""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    runner: tuple[str, ...] = ()
    """Labels of the runner it ran on, where the platform tells; they price its minutes."""
    environment: str | None = None
    """What it deploys to, where that was asked for and is told."""
    tries: int | None = None
    """How often it ran in this run, where the platform counts by job; the first time is 1."""
    hints: dict[str, Any] = field(default_factory=dict)
    """Small facts that only the same platform's adapter reads (a log's address, say)."""

    def __post_init__(self) -> None:
        _mask(self, "name", "failed_step", "environment")

    @property
    def original_name(self) -> str:
        """The name as the platform gave it: to find the job there, never to show or store."""
        return str(self.hints.get(_AS_IT_IS, self.name))

    @property
    def failed(self) -> bool:
        """Red: it failed or ran out of time."""
        return self.conclusion in ("failure", "timed_out")


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """An open pull or merge request that the run belongs to."""

    number: int
    url: str | None = None
    head_sha: str | None = None
    from_fork: bool = False
    repository: str | None = None
    """Where the request lives, when that may be another repository than the run's."""
    target_branch: str | None = None
    first_time_author: bool | None = None
    """Its author has contributed nothing here yet; None when the platform does not tell."""

    def __post_init__(self) -> None:
        if self.target_branch is not None:
            object.__setattr__(self, "target_branch", masked(self.target_branch))


@dataclass(frozen=True, slots=True)
class Run:
    """One pipeline execution at one attempt (first attempt is 1).

    `run_id` stays the same over attempts: a platform whose re-run makes a new build maps it back
    to the first one. `actor` is who caused the run in the first place. `head_sha` is the newest
    commit of the run's branch or request, None when the platform does not tell.
    """

    platform: str
    repository: str
    run_id: str
    attempt: int
    status: RunStatus
    conclusion: Conclusion | None
    workflow: str
    branch: str | None
    commit: str | None
    head_sha: str | None = None
    trigger: str | None = None
    actor: str | None = None
    url: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    request: ChangeRequest | None = None
    jobs: tuple[Job, ...] = ()
    """Every job of this attempt the platform lists (at least the failed ones)."""
    reruns_left: int | None = None
    """How often the platform lets it be re-run yet, None without such a limit."""
    rerun_until: datetime | None = None
    """Until when the platform lets it be re-run, None without such a limit."""
    hints: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _mask(self, "branch", "workflow", "trigger")

    @property
    def ref(self) -> str | None:
        """The branch as the platform knows it: for calls to it, never to show or store."""
        return self.hints.get(_AS_IT_IS, self.branch)

    @property
    def completed(self) -> bool:
        """True when nothing of it is still to run."""
        return self.status == "completed"

    @property
    def failed_jobs(self) -> tuple[Job, ...]:
        """The red jobs, in the platform's order."""
        return tuple(job for job in self.jobs if job.failed)

    def at_attempt(self, attempt: int, jobs: Sequence[Job]) -> "Run":
        """The run as it was after an earlier attempt, which had these jobs."""
        ends = [job.finished_at for job in jobs if job.finished_at is not None]
        return replace(
            self,
            attempt=attempt,
            status="completed",
            conclusion="failure" if any(job.failed for job in jobs) else "other",
            started_at=None,
            finished_at=max(ends, default=None),
            jobs=tuple(jobs),
        )


def _mask(owner: Job | Run, called: str, *others: str) -> None:
    """Mask the name that a job or run goes by, which its hints keep as it is, and its others."""
    for name in (called, *others):
        given = getattr(owner, name)
        if given is None or (shown := masked(given)) == given:
            continue
        object.__setattr__(owner, name, shown)
        if name == called:
            object.__setattr__(owner, "hints", owner.hints | {_AS_IT_IS: given})
