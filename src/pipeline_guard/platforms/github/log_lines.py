"""Finds where GitHub's page of a job shows a line of its log: the page counts lines by step.

The log of a job is the logs of its steps, one behind the other, without a mark between them. A
step's first line is told by the time the step began, to the second, and by how steps begin; the
page counts every line from there, as the runner does for its annotations.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from pipeline_guard.platforms.log_file import beginnings

_SECOND: Final = len("2026-01-02T03:04:05")
_STAMP: Final = len("2026-01-02T03:04:05.1234567Z ")
_BOM: Final = b"\xef\xbb\xbf"
_OPENINGS: Final = (
    b"##[group]Run ",
    b"##[group]Checking docker version",  # a job in a container
    b"Post job cleanup.",
    b"Cleaning up orphan processes",
)


@dataclass(frozen=True, slots=True)
class StepStart:
    """A step's number on the page, and when it began (UTC, `2026-01-02T03:04:05`)."""

    number: int
    began: str


@dataclass(frozen=True, slots=True)
class _Mark:
    """A line that a step may begin with."""

    line: int
    second: str
    opens: bool


def places(
    log: Path, steps: Sequence[StepStart], lines: Sequence[int]
) -> list[tuple[int, int] | None]:
    """Give the step's number and the line in it for each 1-based line; None where it is not told.

    `steps` come in order, without those that were skipped. Raises OSError.
    """
    if not steps or not lines:
        return [None] * len(lines)
    begins = _begins(_marks(log, max(lines)), steps)
    first = [line for line, _ in begins]
    found: list[tuple[int, int] | None] = []
    for line in lines:
        index = bisect_right(first, line) - 1
        found.append((begins[index][1], line - first[index] + 1) if index >= 0 else None)
    return found


def _marks(log: Path, last: int) -> list[_Mark]:
    """The lines that open a step, and the first line of every second, up to a line."""
    found: list[_Mark] = []
    before = b""
    for number, raw in enumerate(islice(beginnings(log), last), 1):
        line = raw.removeprefix(_BOM)
        second = line[:_SECOND]
        opens = line.startswith(_OPENINGS, _STAMP)
        if (opens or second > before) and _is_second(second):
            found.append(_Mark(number, second.decode("ascii"), opens))
            before = second
    return found


def _is_second(text: bytes) -> bool:
    return (text[4:5], text[10:11], text[13:14]) == (b"-", b"T", b":") and text.isascii()


def _begins(marks: Sequence[_Mark], steps: Sequence[StepStart]) -> list[tuple[int, int]]:
    """First line and number of every step that printed something, in order."""
    # The first sets up the job: the log begins with it, and nothing opens it.
    found = [(1, steps[0].number)] if marks else []
    at = 0
    for step, following in zip(steps[1:], [*steps[2:], None], strict=True):
        begin = _begin(marks, at, step, following)
        if begin is not None:
            found.append((marks[begin].line, step.number))
            at = begin + 1
    return found


def _begin(
    marks: Sequence[_Mark], at: int, step: StepStart, following: StepStart | None
) -> int | None:
    """The first line that opens a step in its time; without one, the first of its time."""
    first: int | None = None
    for index in range(at, len(marks)):
        mark = marks[index]
        if following is not None and mark.second > following.began:
            break
        if mark.second >= step.began:
            if mark.opens:
                return index
            first = index if first is None else first
    return first
