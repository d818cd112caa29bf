"""What a platform can do, and the two small interfaces every platform folder implements."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from pipeline_guard.domain.commands import Permission, RequestComment
from pipeline_guard.domain.events import Event, Parsed
from pipeline_guard.domain.runs import ChangeRequest, Job, Run

Capability = Literal[
    "rerun_run",
    "rerun_failed_jobs",
    "rerun_job",
    "rerun_is_new_run",
    "rerun_takes_dependents",
    "comment",
    "commands",
    "annotations",
    "inline_log",
    "list_runs",
    "redeliver",
    "rerun_debug",
    "rerun_other_runner",
    "issues",
    "labels",
    "checks",
    "cancel",
    "changes",
]
"""`rerun_is_new_run`: the events of a re-run carry another run id than those of the first run.
`rerun_takes_dependents`: with a job, those that need it are run again, green ones, too.
`rerun_debug`: a re-run can log more than the attempt before it.
`commands`: people can speak to us in comments, see `Conversation`.
`list_runs` and `redeliver` stand for the protocols of domain.recovery;
`issues`, `labels`, `checks` and `cancel` for those of domain.tracker, `changes` for that of
domain.changes, `rerun_other_runner` for that of domain.dispatch."""
Reaction = Literal["seen", "done", "refused", "unclear"]
"""Our answer to a comment as one sign: 👀, 🎉, 👎, 😕."""
RerunScope = Literal["run", "failed_jobs", "job"]


@dataclass(frozen=True, slots=True)
class RerunResult:
    """What the platform answered to a re-run; `external_id` finds the new attempt by its id."""

    url: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class CommentResult:
    """Where our one comment lives, and whether this call created it."""

    comment_id: str
    url: str | None
    created: bool


class WebhookReader(Protocol):
    """Verifies and parses deliveries; pure, no I/O, so it can run in the hot path and in tests."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise BadSignature unless the raw bytes are signed with one of our secrets."""

    def parse(self, headers: Mapping[str, str], body: bytes) -> Parsed:
        """Turn verified bytes into an event, or a reason to ignore them.

        `headers` has lower-case keys. Raises MalformedDelivery for what is not the platform's.
        """


class Platform(Protocol):
    """All a stage may ask of a CI platform; every method raises only errors.PlatformError."""

    name: str
    capabilities: frozenset[Capability]

    async def read_run(self, event: Event) -> Run:
        """Re-read the run the event points at, newest attempt, with its jobs and open request."""

    async def refresh(self, run: Run) -> Run:
        """Read the same run again (status, attempt, head), cheaply."""

    async def earlier(self, run: Run, attempts: Sequence[int]) -> Sequence[Run]:
        """Those attempts before `run.attempt` as runs of their own, with the jobs that were red.

        What the platform has forgotten is left out.
        """

    def stream_log(self, run: Run, job: Job) -> AsyncIterator[bytes]:
        """The job's log in raw chunks; raises NotFound when the platform has none (any more)."""

    async def annotations(self, run: Run, job: Job) -> Sequence[str]:
        """The platform's own remarks about a job, one line each; empty when it has none."""

    async def rerun(
        self, run: Run, scope: RerunScope, job: Job | None, *, debug: bool = False
    ) -> RerunResult:
        """Ask for a new attempt; raises Conflict when one is already under way.

        `debug` asks for more in its log, where the platform has `rerun_debug`.
        """

    async def upsert_comment(
        self, repository: str, request: ChangeRequest, marker: str, body: str, known_id: str | None
    ) -> CommentResult:
        """Create or edit our one comment: `known_id` first, else the one holding `marker`.

        `repository` is the run's; a request that lives elsewhere says so itself.
        """

    async def default_branch_file(self, run: Run, path: str) -> bytes | None:
        """A small file on the default branch of the run's repository; None where there is none."""

    def log_line_urls(
        self, run: Run, job: Job, log: Path, lines: Sequence[int]
    ) -> Sequence[str | None]:
        """A link to each of these lines of the job's log on the platform, where it has such links.

        `log` is the log as `stream_log` gave it. Blocks while it is read.
        """

    async def identity(self) -> str | None:
        """Our own login on the platform, None when it cannot be told."""

    async def check(self) -> str:
        """For `doctor`: one sentence about the connection; raises PlatformError when broken."""

    async def aclose(self) -> None:
        """Give back connections."""


@runtime_checkable
class Conversation(Platform, Protocol):
    """What a platform with the capability `commands` can do besides: hear and answer people."""

    async def read_request(self, repository: str, number: int) -> ChangeRequest | None:
        """The pull or merge request as it is now, None when it is not open (any more)."""

    async def read_comment(self, repository: str, number: int, comment_id: str) -> RequestComment:
        """A person's comment as it stands now; raises NotFound when it was deleted."""

    async def permission(self, repository: str, login: str) -> Permission:
        """What that person may do in the repository at this moment."""

    async def react(
        self, repository: str, number: int, comment_id: str, reaction: Reaction
    ) -> None:
        """Put our sign on a comment; one that is there already stays as it is."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A switched-on platform: its webhook reader and its adapter."""

    reader: WebhookReader
    platform: Platform
