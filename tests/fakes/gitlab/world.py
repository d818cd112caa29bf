"""What a GitLab server knows, and how retries, notes and finished jobs change it."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

REPORTER, DEVELOPER, MAINTAINER = 20, 30, 40
TIME = "2026-11-20T10:00:00.000Z"
WAITS, RUNS = 4, 8
"""Seconds that a job waits for its runner, and then runs."""
ACTIVE = ("created", "pending", "running", "waiting_for_resource", "preparing")
NOTE_LIMIT = 1_000_000
QUICK_ACTION = re.compile(r"^/(close|reopen|merge)[ \t]*$\n?", re.MULTILINE)


def later(time: str, seconds: int) -> str:
    moment = datetime.fromisoformat(time) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


class Refused(Exception):
    """An answer that is not success."""

    def __init__(self, status: int, message: Any, key: str = "message") -> None:
        super().__init__(message)
        self.status, self.payload = status, {key: message}


@dataclass
class Commit:
    sha: str
    parent: str
    message: str


@dataclass
class Project:
    id: int
    path: str
    default_branch: str = "main"
    branches: dict[str, str] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)
    forked_from: "Project | None" = None
    requests_enabled: bool = True
    issues_enabled: bool = True
    visibility: str = "private"
    hooks: list[dict[str, Any]] = field(default_factory=list)
    trees: dict[str, dict[str, bytes]] = field(default_factory=dict)
    commits: "dict[str, Commit]" = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)


@dataclass
class Job:
    id: int
    name: str
    stage: str
    pipeline_id: int
    project_id: int
    status: str = "success"
    failure_reason: str | None = None
    allow_failure: bool = False
    retried: bool = False
    trace: bytes = b""
    user: str = "dev"
    bridge: bool = False
    environment: str | None = None
    action: str = "start"
    """What the job does to its environment; only a start makes a deployment."""
    created_at: str = TIME


@dataclass
class Pipeline:
    id: int
    project_id: int
    ref: str
    sha: str
    source: str = "push"
    status: str = "success"
    tag: bool = False
    user: str = "dev"
    yaml_errors: str | None = None
    created_at: str = TIME
    updated_at: str = TIME


@dataclass
class Deployment:
    id: int
    job_id: int | None
    environment: str
    updated_at: str
    project_id: int


@dataclass
class MergeRequest:
    id: int
    iid: int
    project_id: int
    source_project_id: int
    source_branch: str
    target_branch: str
    sha: str
    title: str = "A change"
    description: str = ""
    state: str = "opened"
    head_pipeline_id: int | None = None
    author: str = "dev"
    labels: list[str] = field(default_factory=list)
    files: dict[str, bool] = field(default_factory=dict)
    """What it changes, by path: whether it deletes it."""
    versions: list[tuple[str, str]] = field(default_factory=list)
    """(since when, head), the oldest first."""


@dataclass
class Note:
    id: int
    project_id: int
    request_iid: int
    author: str
    body: str
    system: bool = False
    edits: int = 0
    awards: list[tuple[str, str]] = field(default_factory=list)
    """(who, emoji), each once."""


@dataclass
class Issue:
    id: int
    iid: int
    project_id: int
    author: str
    title: str
    description: str = ""
    labels: list[str] = field(default_factory=list)
    state: str = "opened"


@dataclass
class Token:
    username: str
    scopes: tuple[str, ...] = ("api",)
    expires_at: str | None = None


class World:
    """The tables, and the transitions GitLab's own services would make."""

    def __init__(self) -> None:
        self.projects: dict[int, Project] = {}
        self.pipelines: dict[int, Pipeline] = {}
        self.jobs: dict[int, Job] = {}
        self.deployments: list[Deployment] = []
        self.requests: dict[tuple[int, int], MergeRequest] = {}
        self.notes: dict[int, Note] = {}
        self.issues: dict[tuple[int, int], Issue] = {}
        self.tokens: dict[str, Token] = {}
        self._ids: Iterator[int] = itertools.count(101)

    def next_id(self) -> int:
        return next(self._ids)

    def jobs_of(self, pipeline_id: int, *, retried: bool = False) -> list[Job]:
        """Newest first, as GitLab lists them."""
        mine = (job for job in self.jobs.values() if job.pipeline_id == pipeline_id)
        return sorted((job for job in mine if retried or not job.retried), key=lambda job: -job.id)

    def deploy(self, job: Job, updated_at: str = "2026-11-20T10:00:30.000Z") -> None:
        """Keep a deployment for a job that is to start something in an environment."""
        if job.environment and job.action == "start":
            made = Deployment(self.next_id(), job.id, job.environment, updated_at, job.project_id)
            self.deployments.append(made)

    def retry(self, job: Job, username: str) -> Job:
        """A new try with a new id in the same pipeline; later stages are open again."""
        new = Job(
            id=self.next_id(),
            name=job.name,
            stage=job.stage,
            pipeline_id=job.pipeline_id,
            project_id=job.project_id,
            status="pending",
            allow_failure=job.allow_failure,
            user=username,
            environment=job.environment,
            action=job.action,
            created_at=later(job.created_at, RUNS + WAITS),
        )
        job.retried = True
        self.jobs[new.id] = new
        for other in self.jobs_of(job.pipeline_id):
            if other.status == "skipped":
                other.status = "created"
        self.pipelines[job.pipeline_id].status = "running"
        return new

    def retry_pipeline(self, pipeline: Pipeline, username: str) -> None:
        """All failed and cancelled jobs; without any, nothing happens."""
        for job in self.jobs_of(pipeline.id):
            if job.status in ("failed", "canceled") and not job.bridge:
                self.retry(job, username)

    def settle(self, pipeline: Pipeline) -> None:
        """The pipeline's status out of its jobs'."""
        jobs = [job for job in self.jobs_of(pipeline.id) if job.status != "manual"]
        if any(job.status in ACTIVE for job in jobs):
            pipeline.status = "running"
        elif any(job.status == "failed" and not job.allow_failure for job in jobs):
            pipeline.status = "failed"
        elif any(job.status == "canceled" for job in jobs):
            pipeline.status = "canceled"
        else:
            pipeline.status = "success"

    def notes_of(self, project_id: int, iid: int) -> list[Note]:
        return [
            note
            for note in self.notes.values()
            if (note.project_id, note.request_iid) == (project_id, iid)
        ]

    def act_on(self, item: MergeRequest | Issue, body: str) -> str:
        """Carry out the quick actions in a text, as GitLab does; what is left is the text."""
        for match in QUICK_ACTION.finditer(body):
            item.state = {"close": "closed", "merge": "merged"}.get(match[1], "opened")
        return QUICK_ACTION.sub("", body)
