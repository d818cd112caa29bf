"""Follows a log's groups, sections and folds, so that a line can be told its step."""

import re
from bisect import bisect_right
from typing import Final

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import Chunk, newlines

Path = tuple[str, ...]

_MARKS_CAP: Final = 20_000
"""Changes of step kept; a log that prints more marks than this is not telling steps."""
_DEPTH_CAP: Final = 8
_NAME_CAP: Final = 200

_NEEDLES: Final = (
    b"##[group]",
    b"##[endgroup]",
    b"::group::",
    b"::endgroup::",
    b"section_start:",
    b"section_end:",
    b"travis_fold:start:",
    b"travis_fold:end:",
)
_NAMED: Final = re.compile(rb"(?:\d{1,20}:)?([^\s\x1b\[]{1,200})")


class StepTree:
    """The steps of one log, learned while its chunks pass in order."""

    def __init__(self) -> None:
        # Only leftmost kinds use the vector search, which is what makes this nearly free.
        self._finder = BytesAhoCorasick(_NEEDLES, matchkind=MatchKind.LeftmostFirst)
        self._lines: dict[str | None, list[int]] = {}
        self._paths: dict[str | None, list[Path]] = {}
        self._open: Path = ()
        self._part: str | None = None
        self._marks = 0

    def feed(self, chunk: Chunk) -> None:
        """Learn the step marks of one chunk, at some gigabytes a second."""
        if chunk.part != self._part:
            self._part, self._open = chunk.part, ()
        line, counted = chunk.first_line, 0
        for needle, start, end in self._finder.find_matches_as_indexes(chunk.data):
            if self._marks >= _MARKS_CAP:
                return
            line += newlines(chunk.data, counted, start)
            counted = start
            self._mark(_NEEDLES[needle], chunk.data, end, line)

    def _mark(self, needle: bytes, data: bytes, at: int, line: int) -> None:
        if needle.endswith((b"group]", b"group::")):
            self._group(b"end" in needle, _rest_of_line(data, at))
        elif named := _NAMED.match(data, at):
            self._section(b"start" in needle, named[1].decode("utf-8", "replace"))
        self._marks += 1
        self._lines.setdefault(self._part, []).append(line)
        self._paths.setdefault(self._part, []).append(self._open)

    def _group(self, ends: bool, name: str) -> None:
        """GitHub's groups do not nest, and a step's output follows its closed `Run …` group."""
        step = tuple(entry for entry in self._open[:1] if entry.startswith("Run "))
        if ends:
            self._open = step
        else:
            self._open = (name,) if name.startswith("Run ") else (*step, name)

    def _section(self, starts: bool, name: str) -> None:
        """GitLab's sections and Travis' folds nest; an end closes what was left open inside."""
        if starts:
            self._open = (*self._open, name)[-_DEPTH_CAP:]
        elif name in self._open:
            self._open = self._open[: self._open.index(name)]

    def changes(self, part: str | None = None) -> list[int]:
        """The raw lines at which the step changes, in order; a line may be there twice."""
        return self._lines.get(part, [])

    def step_of(self, line: int, part: str | None = None) -> Path:
        """Name the steps that hold a raw line, outermost first; empty outside of any."""
        index = bisect_right(self._lines.get(part, []), line)
        inner = self._paths[part][index - 1] if index else ()
        return (*_part_path(part), *inner)


def _rest_of_line(data: bytes, at: int) -> str:
    end = data.find(b"\n", at, at + _NAME_CAP)
    return clean_line(data[at : end if end >= 0 else at + _NAME_CAP])


def _part_path(part: str | None) -> Path:
    """`build/2_Run tests.txt` is the step "Run tests" of the job "build"."""
    if part is None:
        return ()
    return tuple(re.sub(r"^\d+_|\.txt$", "", piece) for piece in part.split("/"))
