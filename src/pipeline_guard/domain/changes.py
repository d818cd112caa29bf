"""What a platform can do with files: read them at a commit, and propose changes as a request.

Nothing here writes to a branch that exists. Every method raises only errors.PlatformError.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, runtime_checkable

OWN_BRANCHES: Final = "pipeline-guard/"
"""What the name of every branch of ours begins with."""


PRINTED: Final = "the job printed it"
"""The origin of a patch that is the failing job's own diff."""
EditKind = Literal["set", "bound", "replace"]
Scalar = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Edit:
    """One change that a rule names, for the first of `files` that it fits.

    `set`: the dotted `key` of a YAML file gets `value`. `bound`: the dependency `package` gets the
    constraint `to`. `replace`: what `pattern` (RE2) matches becomes `text`.
    """

    kind: EditKind
    files: tuple[str, ...]
    params: dict[str, Scalar]


@dataclass(frozen=True, slots=True)
class PreparedPatch:
    """A change that would mend a failure, held against the files as they are.

    `diff` is a unified diff with the repository's own paths, that applies exactly to the files at
    `base`; empty where `problem` says why there is none to propose.
    """

    origin: str
    """Where it is from, in a few words for people."""
    diff: str = ""
    paths: tuple[str, ...] = ()
    lines: int = 0
    """Added and removed lines together."""
    base: str = ""
    protected: bool = False
    """The branch it is for is protected."""
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Quarantine:
    """What is known of one failed test: how often it proved flaky, and the mark for it."""

    test: str
    proofs: int
    """Times that it failed and then passed at the same commit."""
    until: str
    """The day, in ISO form, after which the mark is to be removed."""
    owners: tuple[str, ...] = ()
    patch: PreparedPatch | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Proposed:
    """A pull or merge request of one branch into another of the same repository."""

    number: int
    url: str | None
    branch: str
    state: Literal["open", "closed", "merged"] = "open"


@dataclass(frozen=True, slots=True)
class Declined:
    """A proposal of ours that people did not want: a request closed without a merge, or an issue
    closed as not planned."""

    kind: Literal["patch", "quarantine", "issue"]
    fingerprint: str
    number: str
    url: str | None = None
    paths: tuple[str, ...] = ()


class Changes(Protocol):
    """The files, branches and requests of one repository."""

    async def changed_files(self, number: int) -> Sequence[str]:
        """The paths that a request adds or changes, without those it deletes."""

    async def read_file(self, path: str, commit: str) -> bytes | None:
        """A plain file at a commit; None where there is none, or a link or a submodule is."""

    async def is_protected(self, branch: str) -> bool:
        """Whether pushing to that branch is limited."""

    async def proposed(self, target: str, prefix: str) -> Sequence[Proposed]:
        """Requests into `target` from branches of the same repository whose name so begins."""

    async def request(self, number: int) -> Proposed:
        """One request as it is now; raises NotFound when it was deleted."""

    async def create_branch(
        self, name: str, base: str, files: Mapping[str, bytes], message: str
    ) -> str:
        """The commit of a new branch: these files' new contents on top of the commit `base`.

        Asked for again it finds what it made. Raises Conflict when the branch holds anything else.
        """

    async def open_request(self, source: str, target: str, title: str, body: str) -> Proposed:
        """The open request of `source` into `target`, made if there is none."""


@runtime_checkable
class ProposesChanges(Protocol):
    """A platform with the capability `changes`."""

    def changes(self, repository: str) -> Changes:
        """The files, branches and requests of one repository."""
