"""Buildbot's words in ours: result codes, the source stamp that names the repository, times."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pipeline_guard.domain.runs import Conclusion
from pipeline_guard.redaction.names import masked

FAILURE: Final = 2
EXCEPTION: Final = 4
RETRY: Final = 5

_CONCLUSIONS: Final[Mapping[int, Conclusion]] = {
    0: "success",
    1: "success",  # warnings: Buildbot shows it orange, the build still passed
    FAILURE: "failure",
    3: "skipped",
    EXCEPTION: "failure",
    RETRY: "other",  # Buildbot itself starts the same request again
    6: "cancelled",
}


def conclusion_of(results: object) -> Conclusion:
    """Our word for a finished build's or step's result code, as in `buildbot.process.results`."""
    return _CONCLUSIONS.get(results, "other") if isinstance(results, int) else "other"


def main_stamp(stamps: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The source stamp that speaks for a build: the one with the first codebase by name.

    Buildbot lists a build's stamps in no fixed order; the default codebase is '' and comes first.
    """
    return min(stamps, key=lambda stamp: str(stamp.get("codebase") or ""), default={})


def repository_of(stamp: Mapping[str, Any], builder: str) -> str:
    """The repository's full name: project, else path of the address, else builder.

    A repository address loses its scheme, credentials, host and `.git`, so that the same
    repository has one name whichever way it is fetched.
    """
    project = str(stamp.get("project") or "").strip()
    return masked(project or _path_name(str(stamp.get("repository") or "")) or builder)


def _path_name(address: str) -> str:
    """'owner/name' of a repository's address ('' of none); at most its last two path parts."""
    _, scheme, rest = address.partition("://")
    path = rest.partition("/")[2] if scheme else address.rpartition(":")[2]
    parts = [part for part in path.removesuffix("/").removesuffix(".git").split("/") if part]
    return "/".join(parts[-2:])


def of_rebuild(first: object) -> dict[str, int]:
    """What the hints of an event add for a rebuild of that build: no push tells its attempt."""
    return {"attempt_at_least": 2} if isinstance(first, int) else {}


def property_of(source: Mapping[str, Any], name: str) -> Any:
    """The value of a build's property; Buildbot carries each as [value, where it came from]."""
    pair = (source.get("properties") or {}).get(name)
    return pair[0] if isinstance(pair, list | tuple) and pair else None


def moment(value: object) -> datetime | None:
    """A time in UTC from Buildbot's seconds since 1970, None when it has not come yet."""
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else None
