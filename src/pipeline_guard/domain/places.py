"""Files and lines of the repository that log lines name, as compilers, linters and tests do."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_LONGEST: Final = 1_000
_MOST_FILES: Final = 10
_WORKSPACE: Final = re.compile(
    r"(?:/home/runner/work/[^/]+/[^/]+|/Users/runner/work/[^/]+/[^/]+|/__w/[^/]+/[^/]+"
    r"|/github/workspace|/builds/[^/]+/[^/]+|[A-Za-z]:\\a\\[^\\]+\\[^\\]+)[/\\]"
)
"""Where runners of GitHub and GitLab check the repository out."""
_FILE: Final = (
    r"(?P<path>(?:[A-Za-z0-9_@+-][\w.@+-]{0,99}[/\\]){0,20}[\w@+-][\w.@+-]{0,99}\.[A-Za-z]\w{0,9})"
)
_STYLES: Final = (
    # src/a.py:12:5  src/a.go:12  lib.rs:3:1 (rustc behind its arrow)
    re.compile(rf"(?<![\w./\\:-]){_FILE}:(?P<line>[1-9]\d{{0,6}})(?=[:\s,)\]]|$)"),
    # src/a.ts(12,5)  Program.cs(3,1)
    re.compile(rf"(?<![\w./\\:-]){_FILE}\((?P<line>[1-9]\d{{0,6}})(?:,\d+)?\)"),
    # File "src/a.py", line 12
    re.compile(rf'"(?:\./)?{_FILE}", line (?P<line>[1-9]\d{{0,6}})'),
)
_TEST: Final = re.compile(rf"(?<![\w./\\-]){_FILE}::")
_ELSEWHERE: Final = ("node_modules/", "site-packages/", "vendor/", "dist-packages/", ".cargo/")
"""Files of others that stand in a checkout all the same."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file by its path from the repository's root, and a 1-based line where one is named."""

    path: str
    line: int | None = None


def places_in(text: str) -> list[Place]:
    """Every place that a log line names, in its order; absolute paths elsewhere are no places."""
    shortened = _WORKSPACE.sub("", text[:_LONGEST]).replace("./", "")
    found = [
        (match.start(), Place(match["path"].replace("\\", "/"), int(match["line"])))
        for style in _STYLES
        for match in style.finditer(shortened)
    ]
    found += [
        (match.start(), Place(match["path"].replace("\\", "/")))
        for match in _TEST.finditer(shortened)
    ]
    ordered = (place for _, place in sorted(found, key=lambda item: item[0]))
    return [place for place in ordered if not _is_elsewhere(place.path)]


def files_in(texts: Iterable[str]) -> tuple[str, ...]:
    """The first files that these lines name, each once."""
    found = dict.fromkeys(place.path for text in texts for place in places_in(text))
    return tuple(found)[:_MOST_FILES]


def _is_elsewhere(path: str) -> bool:
    return ".." in path.split("/") or any(part in f"{path}" for part in _ELSEWHERE)
