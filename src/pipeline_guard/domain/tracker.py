"""What a platform can keep beside its runs: issues, labels and check runs; and cancelling a run.

Each protocol is optional; a platform declares it as the capability of the same noun. Every method
raises only errors.PlatformError.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from pipeline_guard.domain.runs import Run

AnnotationLevel = Literal["notice", "warning", "failure"]


@dataclass(frozen=True, slots=True)
class IssueDraft:
    """An issue as it should be; `body` is Markdown and holds the marker it is found by."""

    title: str
    body: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue of ours as the platform has it."""

    number: int
    url: str | None
    is_open: bool
    body: str = ""
    closed_at: datetime | None = None
    not_planned: bool = False
    """It was closed as nothing that will be done, where the platform tells such reasons."""


class Issues(Protocol):
    """The issues of one repository that we wrote."""

    async def find(self, marker: str) -> Issue | None:
        """Ours with that marker: an open one before a closed one, the newest first.

        Raises NotFound where the repository has no issues.
        """

    async def read(self, number: int) -> Issue:
        """One issue as it is now; raises NotFound when it was deleted."""

    async def create(self, marker: str, draft: IssueDraft) -> Issue:
        """Open an issue; after a lost answer it is looked for, not opened again at once."""

    async def edit(self, issue: Issue, *, body: str, is_open: bool) -> Issue:
        """Replace the text and open or close it; what is so already is left alone."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark on lines of a file of the repository; `line` is 1-based."""

    path: str
    line: int
    message: str
    title: str = ""
    level: AnnotationLevel = "warning"


@dataclass(frozen=True, slots=True)
class CheckDraft:
    """Our one check run on a commit as it should be; it never blocks: its end is neutral.

    `title` is one sentence; `summary` and `details` are Markdown.
    """

    commit: str
    title: str
    summary: str
    details: str = ""
    annotations: tuple[Annotation, ...] = ()
    url: str | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Where our check run lives."""

    check_id: str
    url: str | None


@runtime_checkable
class KeepsIssues(Protocol):
    """A platform with the capability `issues`."""

    def issues(self, repository: str) -> Issues:
        """The issues of one repository."""


@runtime_checkable
class KeepsLabels(Protocol):
    """A platform with the capability `labels`."""

    async def change_labels(
        self, repository: str, number: int, add: Sequence[str], remove: Sequence[str]
    ) -> None:
        """Put labels on a pull or merge request and take others off; others stay as they are."""


@runtime_checkable
class KeepsChecks(Protocol):
    """A platform with the capability `checks`."""

    async def put_check(
        self, repository: str, draft: CheckDraft, known_id: str | None
    ) -> CheckResult:
        """Create our check run on a commit or edit it in place: `known_id` first, else by name.

        Raises NotAuthorized where the credentials may not write check runs.
        """


@runtime_checkable
class CancelsRuns(Protocol):
    """A platform with the capability `cancel`."""

    async def cancel(self, run: Run) -> None:
        """Stop what still runs of a run; raises Conflict when nothing does."""
