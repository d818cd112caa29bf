"""Cuts a chunk of raw log into slices whose text is cleaned as far as whole chunks allow.

Colours are taken away here, at memory speed; timestamps and what a carriage return overwrote stay,
because every pattern knows how to skip them. Line ends are never touched, so lines keep their
numbers.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline_guard.logs.read import Chunk

SLICE_BYTES = 1 << 14
"""Small enough that finding a hit inside a slice is cheap, large enough that calls do not count."""
_COLOURS = re.compile(
    rb"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|[\]_P^X][^\x07\x1b\n]*+(?:\x07|\x1b\\)"
    rb"|[()*+][0-9A-Z]|[=>78c])?"
)
"""The same as logs.clean takes away, but on bytes and never over a line's end."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Whole lines of one part of a log, free of colours.

    In `scan`, which is as long as `data`, carriage returns are line breaks, so that text behind
    one stands at the beginning of a line.
    """

    data: bytes
    scan: bytes
    first_line: int
    part: str | None
    lines: int

    def line_at(self, offset: int) -> int:
        """Give the 1-based raw number of the line that holds an offset."""
        return self.first_line + self.data.count(b"\n", 0, offset)

    def bounds(self, offset: int) -> tuple[int, int]:
        """Give where the line around an offset starts and ends, its line break left out."""
        end = self.data.find(b"\n", offset)
        return self.data.rfind(b"\n", 0, offset) + 1, len(self.data) if end < 0 else end


_COLUMNS = re.compile(rb"(?m)^[^\t\n]++\t[^\t\n]++\t(?=(?:\xef\xbb\xbf)?\d{4}-\d\d-\d\dT)")
"""Job and step, as `gh run view --log` puts them before each line."""


def slices(chunk: Chunk) -> Iterator[Slice]:
    """Yield a chunk's lines in slices of about SLICE_BYTES (one longer line stays whole)."""
    data, line, start = chunk.data, chunk.first_line, 0
    while start < len(data):
        end = data.rfind(b"\n", start, start + SLICE_BYTES) + 1
        if end <= start:
            end = data.find(b"\n", start) + 1 or len(data)
        piece = data[start:end]
        flat, lines = flatten(piece), piece.count(b"\n")
        yield Slice(flat, flat.replace(b"\r", b"\n"), line, chunk.part, lines)
        line += lines
        start = end


def flatten(data: bytes) -> bytes:
    """Take away colours and `gh`'s columns; line breaks and carriage returns stay as they are."""
    if b"\x1b" in data:
        data = _COLOURS.sub(b"", data)
    if _COLUMNS.match(data):
        data = _COLUMNS.sub(b"", data)
    return data
