"""What the fake GitHub knows: repositories, runs with attempts, pull requests, comments, calls."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass
class Job:
    """One job of one attempt; `log` None stands for a log that was deleted."""

    id: int
    name: str
    attempt: int
    conclusion: str | None = None
    log: bytes | None = b""
    annotations: list[dict[str, Any]] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    completed_at: str = "2026-11-20T10:01:00Z"

    @property
    def status(self) -> str:
        return "completed" if self.conclusion else "in_progress"


@dataclass
class Run:
    """One workflow run; `attempts` has the jobs of each attempt, oldest first."""

    id: int
    repo: "Repo"
    branch: str
    sha: str
    event: str
    actor: str
    workflow: str
    head_repo: str
    attempts: list[list[Job]] = field(default_factory=list)
    needs: dict[str, set[str]] = field(default_factory=dict)
    """By job, the jobs it waits for."""
    conclusion: str | None = None
    pulls: list[int] = field(default_factory=list)
    retried_by: str | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    """What it was dispatched with; no API tells it."""
    created_at: str = "2026-11-20T10:00:00Z"
    updated_at: str = "2026-11-20T10:00:00Z"

    @property
    def attempt(self) -> int:
        return len(self.attempts)

    @property
    def status(self) -> str:
        return "completed" if self.conclusion else "queued"

    @property
    def jobs(self) -> list[Job]:
        return self.attempts[-1]

    def job(self, name: str) -> Job:
        return next(job for job in self.jobs if job.name == name)


@dataclass
class Pull:
    """A pull request; `head_repo` None is a fork that was deleted."""

    number: int
    branch: str
    sha: str
    head_repo: str | None
    state: str = "open"
    commits: list[str] = field(default_factory=list)
    author_association: str = "CONTRIBUTOR"
    base: str = "main"
    user: str = "dev"
    title: str = "A change"
    body: str = ""
    merged: bool = False
    files: dict[str, str] = field(default_factory=dict)
    """What it changes, by path: added, modified or removed."""
    labels: list[str] = field(default_factory=list)


@dataclass
class Issue:
    """An issue; issues and pull requests share one row of numbers."""

    number: int
    user: str
    title: str
    body: str
    labels: list[str] = field(default_factory=list)
    state: str = "open"
    state_reason: str | None = None
    closed_days_ago: float = 0.0


@dataclass
class Check:
    """A check run that an App made; those of Actions are its jobs."""

    id: int
    name: str
    sha: str
    external_id: str = ""
    conclusion: str | None = None
    output: dict[str, Any] = field(default_factory=dict)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    edits: int = 0


@dataclass
class Comment:
    """A comment on an issue or pull request."""

    id: int
    number: int
    user: str
    body: str
    reactions: list[tuple[str, str]] = field(default_factory=list)
    """(who, what), as GitHub keeps them: each once."""


@dataclass
class Repo:
    """A repository with everything below it."""

    id: int
    name: str
    branches: dict[str, str] = field(default_factory=lambda: {"main": "a" * 40})
    tags: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    files_at: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """By commit, files that are otherwise than on the default branch."""
    commits: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: dict[str, Any] = field(default_factory=dict)
    modes: dict[bytes, str] = field(default_factory=dict)
    """Of files that are not plain, by their content."""
    protected: set[str] = field(default_factory=set)
    runs: dict[int, Run] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    issues_disabled: bool = False
    checks: dict[int, Check] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    """Roles by login; who is not named may read, as anybody may in a public repository."""

    def at(self, sha: str) -> dict[str, bytes]:
        """The files at a commit that nobody made through the API."""
        return {**self.files, **self.files_at.get(sha, {})}


@dataclass
class HookDelivery:
    """One try to deliver a webhook of the hook at the path `base`; 0 while it is on its way."""

    id: int
    guid: str
    base: str
    event: str
    action: str
    status_code: int
    delivered_at: str
    headers: dict[str, str]
    body: bytes
    redelivery: bool = False


@dataclass(frozen=True)
class Call:
    """One request the fake has answered; `origin` is "api" or "storage"."""

    origin: str
    method: str
    path: str
    query: dict[str, str]
    authorization: str | None
    body: Any
    status: int


@dataclass
class Fault:
    """Answers matching calls with a status, `times` times; `after` does the work first."""

    method: str
    path: str
    status: int
    times: int = 1
    after: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None


class World:
    """All state of one fake GitHub."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        #: Calls that are left until the window's end, in seconds since 1970; past it, 5000 anew.
        self.remaining, self.resets_at = 0, 0
        #: By this clock runs grow old; those that tests make are a day old.
        self.today = datetime(2026, 11, 21, tzinfo=UTC)
        self.next_id = itertools.count(1001).__next__
        #: What each token may do: a login and the permissions, "write" or "read" by area.
        self.tokens: dict[str, dict[str, Any]] = {}
        self.installations: dict[str, int] = {}
        #: What an installation was granted, by repository; without an entry, api.GRANTED.
        self.granted: dict[str, dict[str, str]] = {}
        self.issued: dict[str, set[str]] = {}
        #: Each repository's hooks: their ids and addresses.
        self.hooks: dict[str, dict[int, str]] = {}
        #: What differs from a hook as it should be, by the hook's id.
        self.hook_settings: dict[int, dict[str, Any]] = {}
        #: What the App is, where it differs: permissions, events, and its hook's `url`.
        self.app_settings: dict[str, Any] = {}
        #: Repositories whose jobs our token's owner may not run again.
        self.read_only: set[str] = set()
        #: How a dispatch is answered: with the run's "details"; in "silence", as older servers do;
        #: or "strict", as those that take no key they do not know.
        self.dispatches = "details"
        self.deliveries: list[HookDelivery] = []
        #: What was asked for again and not posted yet; that is for the test to do.
        self.outbox: list[HookDelivery] = []

    def find_run(self, run_id: int) -> Run | None:
        runs = (repo.runs.get(run_id) for repo in self.repos.values())
        return next((run for run in runs if run is not None), None)

    def find_job(self, repo: Repo, job_id: int) -> tuple[Run, Job] | None:
        for run in repo.runs.values():
            for job in itertools.chain.from_iterable(run.attempts):
                if job.id == job_id:
                    return run, job
        return None

    def rerun(self, run: Run, names: set[str] | None, by: str) -> None:
        """A new attempt: `names` and what needs them run again (None: all), the others stay."""
        if names is not None:
            for _ in run.needs:  # as often as a chain can be long
                names = names | {job for job, needs in run.needs.items() if needs & names}
        attempt, jobs = run.attempt + 1, []
        for job in run.jobs:
            again = names is None or job.name in names
            conclusion = None if again else job.conclusion
            log = b"" if again else job.log
            jobs.append(Job(self.next_id(), job.name, attempt, conclusion, log))
        run.attempts.append(jobs)
        run.conclusion, run.retried_by = None, by
