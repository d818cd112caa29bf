"""Finds the unified diff that a formatter or linter prints to say how it wants the files to be."""

import re
from dataclasses import dataclass
from typing import Final

from pipeline_guard.logs.clean import bare_line
from pipeline_guard.logs.read import Chunk
from pipeline_guard.logs.redact import Redactor

MAX_CHARS: Final = 256 * 1024
"""A larger diff is nothing that anybody reads over before it is merged."""
MAX_LINES: Final = 100_000
"""Lines looked at closely per log, so that a hostile log cannot make this slow."""
_HEADER_LINES: Final = 3
_CARRY: Final = 16 * 1024
"""How much of a chunk's end is looked at again with the next: enough for a diff's header."""
_HEADER: Final = re.compile(rb"\+\+\+ [^\n]{1,4096}\n[^\n]{0,200}@@ -\d")
_HUNK: Final = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


@dataclass(frozen=True, slots=True)
class Printed:
    """What was found: the diff, empty without one that can be used, and why not, if so."""

    diff: str = ""
    notes: tuple[str, ...] = ()


NOTHING_PRINTED: Final = Printed()


class PrintedDiffs:
    """Collects every whole file of the diffs in a log; fed with its chunks, in order.

    A hunk says how many lines it has: one that ends too early or holds what is no line of a diff
    makes the whole of no use, since a part of a change may be worse than none.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._size = 0
        self._before = ("", "")
        self._left = (0, 0)
        self._open = False
        self._carry = b""
        self._part: str | None = None
        self._trouble = ""
        self._budget = MAX_LINES

    def feed(self, chunk: Chunk) -> None:
        """Look through the next chunk; one without the header of a diff costs a search only."""
        if chunk.part != self._part:
            self._end()
            self._part, self._carry = chunk.part, b""
        if self._trouble or self._budget <= 0:
            return
        data = self._carry + chunk.data
        at = seen = 0
        while at < len(data):
            if not self._open:
                found = _HEADER.search(data, at)
                if found is None:
                    break
                # The line with the old name stands before the one that was found.
                at = _line_start(data, _line_start(data, found.start()) - 1)
            at, seen = self._take(data, at)
        start = max(seen, _line_start(data, len(data) - _CARRY))
        self._carry = b"" if self._open else data[start:]

    def found(self, redactor: Redactor) -> Printed:
        """The diffs of the log that has been fed."""
        self._end()
        if self._budget <= 0 and self._lines:
            self._trouble = "The log holds too much that looks like a diff: it is not used."
        if self._trouble:
            return Printed(notes=(self._trouble,))
        text = "".join(f"{line}\n" for line in self._lines)
        if not text:
            return NOTHING_PRINTED
        if "\ufffd" in text or redactor.redact(text) != text:
            return Printed(notes=("The diff in the log holds a masked secret: it is not used.",))
        return Printed(text)

    def _take(self, data: bytes, at: int) -> tuple[int, int]:
        """Read lines while they may be a diff's; where that ends, and where the last one began."""
        looked, began = 0, at
        while at < len(data):
            began, end = at, data.find(b"\n", at)
            at = (end if end >= 0 else len(data)) + 1
            self._line(bare_line(data[began : at - 1]))
            looked += 1
            self._budget -= 1
            if self._trouble or self._budget <= 0:
                return len(data), len(data)
            if not self._open and looked >= _HEADER_LINES:
                break
        return at, began

    def _line(self, line: str) -> None:
        if any(self._left):
            self._in_hunk(line)
        elif (hunk := _HUNK.match(line)) and (self._open or self._is_header()):
            if not self._open:
                self._keep(self._before[0])
                self._keep(self._before[1])
                self._open = True
            self._left = (int(hunk[1] or 1), int(hunk[2] or 1))
            self._keep(line)
        elif self._open and line.startswith("\\ No newline"):
            self._keep(line)
        else:
            self._open = False
        self._before = (self._before[1], line)

    def _in_hunk(self, line: str) -> None:
        old, new = self._left
        sign = line[:1] or " "  # an empty line: a context line whose blank was trimmed
        if sign == "\\":
            self._keep(line)
            return
        old, new = old - (sign in " -"), new - (sign in " +")
        if sign not in " +-" or old < 0 or new < 0:
            self._trouble = "The diff in the log is cut or mixed with other output: it is not used."
            return
        self._left = (old, new)
        self._keep(line or " ")

    def _is_header(self) -> bool:
        return self._before[0].startswith("--- ") and self._before[1].startswith("+++ ")

    def _keep(self, line: str) -> None:
        self._lines.append(line)
        self._size += len(line) + 1
        if self._size > MAX_CHARS:
            self._trouble = f"The diff in the log is over {MAX_CHARS >> 10} KB: it is not used."

    def _end(self) -> None:
        if any(self._left) and not self._trouble:
            self._trouble = "The diff in the log is cut: it is not used."
        self._open, self._left, self._before = False, (0, 0), ("", "")


def _line_start(data: bytes, at: int) -> int:
    """Where the line begins that the byte at that place is in."""
    return data.rfind(b"\n", 0, max(at, 0)) + 1
