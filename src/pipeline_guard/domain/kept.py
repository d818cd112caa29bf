"""A log as it is kept for people to read: cleaned, redacted, in compressed chunks of lines."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class KeptChunk:
    """Consecutive lines, zlib-compressed UTF-8; `first_line` is 1-based within `part`."""

    part: str
    """The file of a zip that the lines are from; "" for a plain log."""
    first_line: int
    lines: int
    data: bytes


@dataclass(frozen=True, slots=True)
class KeptLog:
    """The log of one job; between two chunks of a part lines may have been left out."""

    lines: int
    """Of the whole log, those left out included."""
    chunks: tuple[KeptChunk, ...]
    outline: tuple[dict[str, Any], ...]
    """Its steps in order, each {part, path, first, last} with the log's own line numbers."""
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes that the chunks take."""
        return sum(len(chunk.data) for chunk in self.chunks)
