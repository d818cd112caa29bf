"""Hears what a log says about itself: the job's own verdict, and where the job stopped.

A verdict is the platform's or the build tool's closing word ("Job succeeded", "Finished:
FAILURE"), so a log without failure can be told from one whose failure nobody here knows. Where the
job stopped tells a cause from the many troubles that a job survives before.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

import re2

from pipeline_guard.logs.read import Chunk, newlines
from pipeline_guard.search.engine import Engine, Search

Verdict = Literal["failed", "passed", "open"]

_JOB_FAILED = (
    r"##\[error\]",
    r"Done\. Your build exited with [1-9]",
    r"Your build has been stopped",
    r"ERROR: Job failed",
    r"Finished: (?:FAILURE|ABORTED|UNSTABLE)",
    r"(?:Unsuccessful|Failed) task run with exit code",
    r"Phase complete: \w+ State: FAILED",  # CodeBuild, whose POST_BUILD runs even so
    r"Process exited with code [1-9]\d* \(Step: ",  # TeamCity
)
_JOB_PASSED = (
    r"Done\. Your build exited with 0\b",
    r"Finished: SUCCESS",
    r"Job succeeded",
    r"Successful task run with exit code: 0",
    r"Cleaning up orphan processes",
    r"CircleCI received exit code 0",
    r"program finished with exit code 0\b",
    r"Process exited with code 0\b",  # TeamCity
    r"Phase complete: POST_BUILD State: SUCCEEDED",
    r"##\[section\]Finishing: ",  # Azure, whose failed steps have an ##[error] each
)
_STEP_FAILED = (
    r"[Pp]rocess completed with exit code [1-9]",
    r"exited with [1-9]\d*\.?\s*$",
    r"failed and exited with [1-9]",
    r"command exited with status -?[1-9]",
    r"[Ee]xited with code (?:exit status )?'?[1-9]",
    r"Child return code was: [1-9]",
    r"exit code:? [1-9]",
    r"exit status [1-9]",
    r"returned (?:a )?non-zero",
    r"BUILD FAIL(?:URE|ED)",
    r"Build failed",
    r"make(?:\[\d+\])?: \*\*\* ",
    r"npm (?:ERR!|error) ",
    r"ELIFECYCLE",
    r"Build step .* marked build as failure",
    r"Traceback \(most recent call last\)",
    r"^(?:FAILED|FAIL|ERROR|FATAL|fatal|panic)\b",
    # Not "attempt 1 failed": who counts attempts makes another one.
    r"(?:^|[^t] |[^p]t |[^ \w#])[1-9]\d* (?:tests? )?(?:failed|failing|failures?|errors?)\b",
    r"(?:[Ff]ailed|[Ff]ailures?|[Ee]rrors|Error): ?[1-9]",
)
_STOPS = (
    r"##\[error\]",
    r"exited with [1-9]\d*\.?\s*$",
    r"failed and exited with [1-9]",
    r"ERROR: Job failed",
    r"[Pp]rocess completed with exit code [1-9]",
    r"[Ee]xited with code (?:exit status )?'?[1-9]",
    r"program finished with exit code [1-9]",
    r"command exited with status -?[1-9]",
    r"script returned exit code [1-9]",
    r"Build step .* marked build as failure",
    r"Phase complete: \w+ State: FAILED",
    r"Finished: (?:FAILURE|ABORTED|UNSTABLE)",
)
_END = 8 * 1024
"""A job says how it ended in its last words, so only these bytes are asked."""


_GROUPS = (_JOB_FAILED, _STEP_FAILED, _STOPS)


def _any(patterns: tuple[str, ...]) -> Any:
    return re2.compile("(?m)" + "|".join(f"(?:{pattern})" for pattern in patterns))


@cache
def _engine() -> Engine:
    return Engine([pattern for patterns in _GROUPS for pattern in patterns])


class Signals:
    """Listens while chunks pass; holds no more of them than their last words.

    `bases` has for each part of the log the number of lines before it.
    """

    def __init__(self) -> None:
        self._job_passed = _any(_JOB_PASSED)
        self._groups = [_any(patterns) for patterns in _GROUPS]
        self._search = Search(_engine())
        self._met: list[int | None] = [None] * len(_GROUPS)
        """The first line, over all parts, that any pattern of the group matches."""
        self._end = b""
        self._part: str | None = None
        self._base = 0
        self.bases: dict[str | None, int] = {}
        self._last = 0

    def feed(self, chunk: Chunk) -> None:
        """Take a chunk."""
        if chunk.part != self._part:
            self._part, self._base = chunk.part, self._last
        self.bases.setdefault(chunk.part, self._base)
        self._last = self._base + chunk.first_line + newlines(chunk.data) - 1
        self._end = (self._end + chunk.data[-_END:])[-_END:]
        if None in self._met:
            self._look(chunk)

    def _look(self, chunk: Chunk) -> None:
        places, number = self._search.places(chunk.data), 0
        for group, patterns in enumerate(_GROUPS):
            own = range(number, number := number + len(patterns))
            if self._met[group] is None:
                at = self._first(group, chunk.data, places.among(own))
                if at is not None:
                    self._met[group] = self._base + chunk.first_line + newlines(chunk.data, 0, at)

    def _first(self, group: int, data: bytes, places: Iterable[tuple[int, int]]) -> int | None:
        """Give where the first line starts that a pattern of the group matches."""
        done = -1
        for offset, _ in places:
            if offset >= done:
                start = data.rfind(b"\n", 0, offset) + 1
                done = data.find(b"\n", offset) + 1 or len(data)
                if self._groups[group].search(data[start:done]) is not None:
                    return start
        return None

    def verdict(self) -> Verdict:
        """`failed` or `passed` when the job itself says so, else `open`."""
        if self._met[0] is not None:
            return "failed"
        return "passed" if self._job_passed.search(self._end) is not None else "open"

    @property
    def trouble(self) -> bool:
        """Did a step, a tool or a test summary say that something failed?"""
        return self._met[0] is not None or self._met[1] is not None

    @property
    def stopped_at(self) -> int:
        """The line, counted over all parts, at which the job stopped: the first failed step's end.

        The last line where no step says that it failed.
        """
        stopped = self._met[2]
        return self._last if stopped is None else stopped
