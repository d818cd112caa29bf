"""Hears what a log says about itself: the job's own verdict, and lines that sound like trouble.

A verdict is the platform's or the build tool's closing word ("Job succeeded", "Finished:
FAILURE"), so a log without failure can be told from one whose failure nobody here knows. Suspects
are lines with words of failure in them; alone they prove nothing, they are what the model reads
and where evidence is looked for when no rule hits.
"""

from collections.abc import Iterator
from typing import Any, Literal

import re2

from pipeline_guard.logs.read import Chunk

Verdict = Literal["failed", "passed", "open"]

_JOB_FAILED = (
    r"##\[error\]",
    r"Done\. Your build exited with [1-9]",
    r"Your build has been stopped",
    r"ERROR: Job failed",
    r"Finished: (?:FAILURE|ABORTED|UNSTABLE)",
    r"(?:Unsuccessful|Failed) task run with exit code",
)
_JOB_PASSED = (
    r"Done\. Your build exited with 0\b",
    r"Finished: SUCCESS",
    r"Job succeeded",
    r"Successful task run with exit code: 0",
    r"Cleaning up orphan processes",
    r"CircleCI received exit code 0",
)
_STEP_FAILED = (
    r"[Pp]rocess completed with exit code [1-9]",
    r"exited with [1-9]\d*\.?\s*$",
    r"failed and exited with [1-9]",
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
    r"Traceback \(most recent call last\)",
    r"^(?:FAILED|FAIL|ERROR|FATAL|fatal|panic)\b",
    r"\b[1-9]\d* (?:tests? )?(?:failed|failing|failures?|errors?)\b",
    r"(?:[Ff]ailed|[Ff]ailures?|[Ee]rrors?): ?[1-9]",
)
_WORDS = (
    r"errors?|fail|fail(?:s|ed|ing|ures?)|fatal|exceptions?|traceback|panic(?:ked)?|abort(?:ed|ing)?"
    r"|kill(?:ed)?|denied|refused|timed ?out|timeout|not found|cannot|can'?t|couldn'?t|could not"
    r"|unable|invalid|missing|no such|unresolved|undefined|unexpected|conflicts?|exceed(?:s|ed)"
    r"|unauthori[sz]ed|forbidden|segmentation|segfault|assert(?:ion)?s?|mismatch|not ok|broken"
    r"|corrupt(?:ed)?|unreachable|unavailable|disconnect(?:ed)?|interrupted|cancel+ed|canceling"
    r"|rejected|violations?|unsupported|unknown|incompatible|unsatisfi(?:ed|able)|crash(?:ed)?"
    r"|oom\w*|exhausted|too many|not (?:exist|installed|available|allowed|permitted|match)|no space"
    r"|stopped|terminated|expired|doesn'?t|didn'?t|must be|should be|expected|warnings?"
)
_LATE = 32 * 1024
"""Bytes at the end of every chunk in which suspects are still looked for after the first ones."""
_END = 8 * 1024
"""A job says how it ended in its last words, so only these bytes are asked."""
_SUSPECT = rf"(?i:\b(?:{_WORDS})\b)|[a-z](?:Error|Exception|Failure)\b|[✗✖✘❌]|[EFWC]\d{{3,4}}\b"


def _any(patterns: tuple[str, ...]) -> Any:
    return re2.compile("(?m)" + "|".join(f"(?:{pattern})" for pattern in patterns))


class Signals:
    """Listens while chunks pass.

    The first `first` suspects are reported, then only those near the end of each chunk: whoever
    keeps the last ones has the end of the log, and a log full of the word "error" costs little.
    """

    def __init__(self, first: int = 80) -> None:
        self._job_failed = _any(_JOB_FAILED)
        self._job_passed = _any(_JOB_PASSED)
        self._step_failed = _any(_STEP_FAILED)
        self._suspect = re2.compile(_SUSPECT)
        self._room = first
        self._end = b""
        self._failed = False
        self._trouble = False

    def feed(self, chunk: Chunk) -> list[int]:
        """Take a chunk; gives the line numbers of suspects found in it, ascending."""
        self._end = (self._end + chunk.data[-_END:])[-_END:]
        self._failed = self._failed or self._job_failed.search(chunk.data) is not None
        self._trouble = self._trouble or self._step_failed.search(chunk.data) is not None
        found = list(self._find(chunk, 0, self._room))
        self._room -= len(found)
        late = max(0, len(chunk.data) - _LATE)
        return sorted({*found, *self._find(chunk, late, _LATE)})

    def verdict(self) -> Verdict:
        """`failed` or `passed` when the job itself says so, else `open`."""
        if self._failed:
            return "failed"
        return "passed" if self._job_passed.search(self._end) is not None else "open"

    @property
    def trouble(self) -> bool:
        """Did a step, a tool or a test summary say that something failed?"""
        return self._failed or self._trouble

    def _find(self, chunk: Chunk, start: int, limit: int) -> Iterator[int]:
        data = chunk.data
        position = data.find(b"\n", start - 1) + 1 if start else 0
        line = chunk.first_line + data.count(b"\n", 0, position)
        for _ in range(limit):
            match = self._suspect.search(data, position)
            if match is None:
                return
            line += data.count(b"\n", position, match.start())
            yield line
            end = data.find(b"\n", match.start())
            if end < 0:
                return
            position, line = end + 1, line + 1
