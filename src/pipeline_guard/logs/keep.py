"""Turns a raw log into what is kept for people to read: head and tail of a huge one."""

import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline_guard.domain.kept import KeptChunk, KeptLog
from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import Chunk, ReadReport, read_chunks
from pipeline_guard.logs.redact import Redactor
from pipeline_guard.logs.steps import StepTree

MOST_BYTES: Final = 5 * 2**20
"""Compressed, of one log; half of it for the head, the rest for the tail."""
HEAD_RAW: Final = 16 * 2**20
"""Of the head no more is cleaned and redacted, which takes a fifth of a second a megabyte …"""
TAIL_RAW: Final = 8 * 2**20
"""… nor of the tail."""
CHUNK_LINES: Final = 2_000
LONGEST: Final = 4_000
"""Characters of a line that are kept; nobody reads further."""
MOST_SECTIONS: Final = 2_000
_LEVEL: Final = 6


def keep_log(source: Path, most_bytes: int = MOST_BYTES) -> KeptLog:
    """Clean, redact, cut and compress a log; raises LogError when it cannot be read."""
    report, redactor, steps = ReadReport(), Redactor(), StepTree()
    ends: dict[str | None, int] = {}
    for chunk in read_chunks(source, report):
        redactor.observe(chunk.data)
        steps.feed(chunk)
        ends[chunk.part] = chunk.first_line + chunk.data.count(b"\n") - 1
    keeper = _Keeper(redactor, most_bytes)
    for chunk in read_chunks(source, ReadReport()):
        keeper.take(chunk)
    keeper.finish()
    return KeptLog(
        lines=report.lines,
        chunks=tuple(keeper.chunks),
        outline=tuple(_outline(steps, ends, redactor)),
        notes=(*report.notes, *keeper.notes),
    )


class _Keeper:
    """Keeps chunks from the start while they fit, then only the last ones."""

    def __init__(self, redactor: Redactor, most_bytes: int) -> None:
        self.chunks: list[KeptChunk] = []
        self.notes: list[str] = []
        self._redactor = redactor
        self._head = self._tail = most_bytes // 2
        self._head_raw = HEAD_RAW
        self._last: deque[Chunk] = deque()
        self._last_raw = 0
        self._left_out = 0

    def take(self, chunk: Chunk) -> None:
        """Take the next chunk of the raw log."""
        if not self._last and self._head > 0 and self._head_raw > 0:
            made = list(_kept(chunk, self._redactor))
            self.chunks += made
            self._head -= sum(len(item.data) for item in made)
            self._head_raw -= len(chunk.data)
            return
        self._last.append(chunk)
        self._last_raw += len(chunk.data)
        while self._last_raw > TAIL_RAW and len(self._last) > 1:
            self._drop(self._last.popleft())

    def finish(self) -> None:
        """Add the tail, from its end back as far as it fits."""
        tail: list[list[KeptChunk]] = []
        while self._last:
            made = list(_kept(self._last[-1], self._redactor))
            self._tail -= sum(len(item.data) for item in made)
            if self._tail < 0 and tail:
                break
            tail.append(made)
            self._last.pop()
        for chunk in self._last:
            self._left_out += chunk.data.count(b"\n")
        for made in reversed(tail):
            self.chunks += made
        if self._left_out:
            self.notes.append(f"{self._left_out:,} lines in the middle were not kept.")

    def _drop(self, chunk: Chunk) -> None:
        self._last_raw -= len(chunk.data)
        self._left_out += chunk.data.count(b"\n")


def _kept(chunk: Chunk, redactor: Redactor) -> Iterator[KeptChunk]:
    raw, first = chunk.data.split(b"\n")[:-1], chunk.first_line
    if chunk.continued:  # the rest of a line whose beginning is kept
        raw, first = raw[1:], first + 1
    for start in range(0, len(raw), CHUNK_LINES):
        lines = redactor.redact_lines(clean_line(line) for line in raw[start : start + CHUNK_LINES])
        text = "\n".join(_clipped(lines))
        data = zlib.compress(text.encode("utf-8", "replace"), _LEVEL)
        yield KeptChunk(chunk.part or "", first + start, len(lines), data)


def _clipped(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        over = len(line) - LONGEST
        yield line if over <= 0 else f"{line[:LONGEST]} … ({over:,} more characters)"


@dataclass(slots=True)
class _Section:
    part: str | None
    path: tuple[str, ...]
    first: int
    last: int


def _outline(
    steps: StepTree, ends: dict[str | None, int], redactor: Redactor
) -> Iterator[dict[str, object]]:
    """The sections of every part, in order; neighbours of the same step are one.

    GitHub calls a step by its script's first line, which may log in somewhere.
    """
    sections: list[_Section] = []
    for part, end in ends.items():
        starts = sorted({1, *steps.changes(part)})
        for first, following in zip(starts, [*starts[1:], end + 1], strict=True):
            path, last = steps.step_of(first, part), min(following - 1, end)
            before = sections[-1] if sections and sections[-1].part == part else None
            if before and (before.path == path or len(sections) >= MOST_SECTIONS):
                before.last = last
            elif first <= last:
                sections.append(_Section(part, path, first, last))
    names = {name: redactor.redact(name) for item in sections for name in item.path}
    for item in sections:
        path = tuple(names[name] for name in item.path)
        yield {"part": item.part or "", "path": path, "first": item.first, "last": item.last}
