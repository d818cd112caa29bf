"""Streams a raw log (plain, gzip or zip) as chunks of whole lines, never held in memory at once."""

import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from pipeline_guard.errors import LogError
from pipeline_guard.logs.archive import BLOCK, Inflater, entry_blocks, log_entries
from pipeline_guard.logs.decode import as_text

ZIP_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
GZIP_MAGIC: Final = b"\x1f\x8b"

_RATIO_GRACE: Final = 4 * 2**20
"""Inflated bytes an entry may reach before its ratio counts: dull but honest logs pack well."""

_NEWLINE: Final = 10
_VECTORS_PAY: Final = 32 << 20
"""Bytes of one log from which on importing NumPy takes less time than it saves."""

_SEAM: Final = 4096
"""Where a line too long for a chunk is cut, a gap is sought this far back."""
_GAPS: Final = ((b"\r", b",", b"&"), (b" ",), (b";",))
"""What a line is cut behind, best first: a secret that a cut parts from its name, or in two, is
none to whoever reads the second piece. Spaces stand in keys and passwords, and a semicolon in
colours."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What one job's log may cost; past a cap the head and the tail are kept."""

    max_bytes: int = 200 * 2**20
    """Inflated bytes given out per job."""
    max_entries: int = 1000
    """Files of a zip."""
    max_ratio: int = 200
    """Inflated to compressed bytes, per file."""

    @property
    def tail_bytes(self) -> int:
        """What of `max_bytes` is kept for the end of a log too long."""
        return min(8 * 2**20, self.max_bytes // 4)

    @property
    def work_bytes(self) -> int:
        """What is inflated or received at most in search of the tail; then reading stops."""
        return 16 * self.max_bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines, ending with a newline.

    `first_line` is the 1-based raw number of the first line (within `part`, the zip entry or step
    file; None for a plain log). A line longer than a chunk is cut into pieces, each ended by a
    newline of ours; `continued` marks chunks whose first line is such a later piece.
    """

    data: bytes
    first_line: int
    part: str | None = None
    continued: bool = False


@dataclass(slots=True)
class ReadReport:
    """What was read: inflated bytes and lines seen, and in `notes` what was cut at a cap."""

    bytes: int = 0
    lines: int = 0
    notes: list[str] = field(default_factory=list)


def read_chunks(
    source: Path | BinaryIO,
    report: ReadReport,
    limits: ReadLimits = ReadLimits(),
    chunk_size: int = 1 << 18,
) -> Iterator[Chunk]:
    """Yield the log as chunks of about `chunk_size` bytes and keep count in `report`.

    The default size stays in the processor's cache. Raises LogError for a source that cannot be
    opened, an archive nothing can be read of, or what is no text. UTF-16 becomes UTF-8.
    """
    reader = _Reader(report, limits, chunk_size)
    try:
        with ExitStack() as stack:
            stream = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
            magic = _read_up_to(stream, 4)
            if magic in ZIP_MAGIC:
                stream = _seekable(stream, magic, limits, stack)
                chunks = reader.archive(stream)
            else:
                chunks = reader.single(magic, stream)
            yield from reader.ends(chunks, lambda: limits.max_bytes - limits.tail_bytes, "the log")
            if not report.lines:
                report.notes.append("the log is empty")
    except OSError as error:
        raise LogError(f"the log cannot be read: {error.strerror or error}") from error


def _read_up_to(stream: BinaryIO, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data


def _blocks(stream: BinaryIO, first: bytes, size: int) -> Iterator[bytes]:
    if first:
        yield first + (stream.read(size) or b"")
    while block := stream.read(size):
        yield block


def _seekable(stream: BinaryIO, magic: bytes, limits: ReadLimits, stack: ExitStack) -> BinaryIO:
    """A zip's directory is at its end, so a pipe is copied to a temporary file first."""
    if stream.seekable():
        return stream
    spooled = tempfile.SpooledTemporaryFile(BLOCK)  # noqa: SIM115 - the stack closes it
    copy = cast("BinaryIO", stack.enter_context(spooled))
    for block in _blocks(stream, magic, BLOCK):
        copy.write(block)
        if copy.tell() > limits.max_bytes:
            raise LogError(f"the zip is larger than {limits.max_bytes:,} bytes")
    return copy


class _Reader:
    """One pass over one log."""

    def __init__(self, report: ReadReport, limits: ReadLimits, chunk_size: int) -> None:
        self._report = report
        self._limits = limits
        self._size = chunk_size

    def single(self, magic: bytes, stream: BinaryIO) -> Iterator[Chunk]:
        """Read a plain or gzip log."""
        if magic[:2] != GZIP_MAGIC:
            yield from self._cut(_blocks(stream, magic, self._size), None)
            return
        inflater = Inflater(self._report.notes.append, "the gzip file", self._size)
        inflated = inflater.gzip(_blocks(stream, magic, BLOCK))
        yield from self._bounded(inflater, inflated, None)

    def archive(self, stream: BinaryIO) -> Iterator[Chunk]:
        """Read a zip, file by file; raises LogError when there are files and none can be read."""
        for label, info in log_entries(stream, self._limits.max_entries, self._report.notes.append):
            blocks = entry_blocks(stream, info)
            inflater = Inflater(self._report.notes.append, label, self._size)
            try:
                if not info.compress_type:  # such files can overlap, so their sum has no bound
                    yield from self._cut(self._until_worked(blocks), label)
                else:
                    yield from self._bounded(inflater, inflater.raw(blocks, info.CRC), label)
            except LogError as error:
                self._report.notes.append(f"{label} was left out: {error}")
            if self._report.bytes >= self._limits.work_bytes:
                return
        if self._report.notes and not self._report.lines:
            raise LogError(f"nothing in the zip can be read: {self._report.notes[0]}")

    def _bounded(
        self, inflater: Inflater, inflated: Iterator[bytes], part: str | None
    ) -> Iterator[Chunk]:
        def allowed() -> int:
            return max(_RATIO_GRACE, inflater.read * self._limits.max_ratio)

        chunks = self._cut(self._until_worked(inflated), part)
        yield from self.ends(chunks, allowed, part or "the gzip file")

    def _until_worked(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            yield block
            if self._report.bytes >= self._limits.work_bytes:
                self._report.notes.append(
                    f"reading stopped after {self._report.bytes:,} inflated bytes"
                )
                return

    def ends(
        self, chunks: Iterator[Chunk], allowed: Callable[[], int], what: str
    ) -> Iterator[Chunk]:
        """Give all chunks while their size stays allowed; past that, only the tail."""
        given = 0
        for chunk in chunks:
            given += len(chunk.data)
            if given > allowed():
                yield from self._tail(chunk, chunks, what)
                return
            yield chunk

    def _tail(self, first: Chunk, chunks: Iterator[Chunk], what: str) -> Iterator[Chunk]:
        kept, size, dropped = deque([first]), len(first.data), 0
        for chunk in chunks:
            kept.append(chunk)
            size += len(chunk.data)
            while size > self._limits.tail_bytes and len(kept) > 1:
                gone = len(kept.popleft().data)
                size -= gone
                dropped += gone
        if dropped:
            self._report.notes.append(
                f"{what} is over a size cap: {dropped:,} bytes in its middle were left out"
            )
        yield from kept

    def _counted(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            self._report.bytes += len(block)
            if self._report.bytes > _VECTORS_PAY:
                import numpy as np  # noqa: F401, PLC0415 (newlines finds it imported)
            yield block

    def _cut(self, blocks: Iterator[bytes], part: str | None) -> Iterator[Chunk]:
        """Cut blocks into chunks at line ends, counting lines and bytes."""
        line, rest, continued = 1, b"", False
        for block in as_text(self._counted(blocks)):
            end = block.rfind(b"\n") + 1
            if end:
                data, rest = b"".join((rest, memoryview(block)[:end])), block[end:]
                lines = newlines(data)
                yield Chunk(data, line, part, continued)
                line, continued = line + lines, False
                self._report.lines += lines
                continue
            rest += block
            if len(rest) >= self._size:
                at = _seam(rest)
                yield Chunk(rest[:at] + b"\n", line, part, continued)
                rest, continued = rest[at:], True
        if rest or continued:
            self._report.lines += 1
            yield Chunk(rest + b"\n", line, part, continued)


def newlines(data: bytes, start: int = 0, end: int | None = None) -> int:
    """Count line ends in `data[start:end]`; in vectors, thrice as fast, once NumPy is there."""
    np: Any = sys.modules.get("numpy")
    # Another job's thread may be importing it this very moment.
    if np is None or getattr(np.__spec__, "_initializing", False):
        return data.count(b"\n", start, end)
    count = (len(data) if end is None else end) - start
    return int(np.count_nonzero(np.frombuffer(data, np.uint8, count, start) == _NEWLINE))


def _seam(text: bytes) -> int:
    """Give the place behind the last gap of `text`, or its end where there is none near it."""
    start = max(0, len(text) - _SEAM)
    for gaps in _GAPS:
        at = max(text.rfind(gap, start) for gap in gaps)
        if at >= 0:
            return at + 1
    return len(text)
