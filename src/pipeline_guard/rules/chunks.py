"""Cleans a chunk of raw log as far as whole chunks allow.

Colours are taken away here, at memory speed; timestamps and what a carriage return overwrote stay,
because every pattern knows how to skip them. Line ends are never touched, so lines keep their
numbers.
"""

import re
from dataclasses import dataclass

from pipeline_guard.logs.read import Chunk, newlines

_COLOURS = re.compile(
    rb"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|[\]_P^X][^\x07\x1b\n]*+(?:\x07|\x1b\\)"
    rb"|[()*+][0-9A-Z]|[=>78c])?"
)
"""The same as logs.clean takes away, but on bytes and never over a line's end."""


MAX_LINE = 1 << 14
"""Bytes of one line that are looked at around a hit."""


@dataclass(slots=True)
class Slice:
    """Whole lines of one part of a log, free of colours."""

    data: bytes
    first_line: int
    part: str | None
    _counted: tuple[int, int] = (0, 0)
    """The offset last asked for, and the line ends before it: the next one is mostly near."""

    @property
    def last_line(self) -> int:
        """The raw number of the last line."""
        return self.first_line + newlines(self.data) - 1

    @property
    def scan(self) -> bytes:
        """The data with line breaks for carriage returns, so that text behind one begins a line."""
        return self.data.replace(b"\r", b"\n") if b"\r" in self.data else self.data

    def line_at(self, offset: int) -> int:
        """Give the 1-based raw number of the line that holds an offset."""
        known, ends = self._counted
        if offset >= known:
            ends += newlines(self.data, known, offset)
        else:
            ends -= newlines(self.data, offset, known)
        self._counted = offset, ends
        return self.first_line + ends

    def bounds(self, offset: int) -> tuple[int, int]:
        """Give where the line around an offset starts and ends, its line break left out.

        Of a line longer than MAX_LINE, only what is near the offset.
        """
        half = MAX_LINE // 2
        start = self.data.rfind(b"\n", max(0, offset - MAX_LINE), offset) + 1
        if not start and offset > MAX_LINE:
            start = offset - half
        end = self.data.find(b"\n", offset, offset + MAX_LINE)
        if end < 0:
            end = min(len(self.data), offset + MAX_LINE)
        if end - start > MAX_LINE:
            start, end = max(start, offset - half), min(end, offset + half)
        return start, end


_COLUMNS = re.compile(rb"(?m)^[^\t\n]++\t[^\t\n]++\t(?=(?:\xef\xbb\xbf)?\d{4}-\d\d-\d\dT)")
"""Job and step, as `gh run view --log` puts them before each line."""


def cleaned(chunk: Chunk) -> Slice:
    """Clean a chunk as far as whole chunks allow."""
    return Slice(flatten(chunk.data), chunk.first_line, chunk.part)


def flatten(data: bytes) -> bytes:
    """Take away colours and `gh`'s columns; line breaks and carriage returns stay as they are."""
    if b"\x1b" in data:
        data = b"".join(_COLOURS.split(data))  # a third quicker than sub
    return _COLUMNS.sub(b"", data) if _COLUMNS.match(data) else data


def without_columns(line: bytes) -> bytes:
    """Take `gh`'s columns away from a line of a chunk that does not begin with such a line."""
    return _COLUMNS.sub(b"", line) if b"\t" in line else line
