"""Streams a raw log (plain, gzip or zip) as chunks of whole lines, never held in memory at once."""

import gzip
import io
import zipfile
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from pipeline_guard.errors import LogError


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What one job's log may cost; past a cap the head and the tail are kept."""

    max_bytes: int = 200 * 2**20
    """Inflated bytes given out per job."""
    max_entries: int = 1000
    max_ratio: int = 200
    """Inflated to compressed."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines, ending with a newline.

    `first_line` is the 1-based raw number of the first line (within `part`, the zip entry or step
    file; None for a plain log). A line longer than a chunk is cut into pieces, each ended by a
    newline of ours; `continued` marks the pieces after the first, which carry the same number.
    """

    data: bytes
    first_line: int
    part: str | None = None
    continued: bool = False


@dataclass(slots=True)
class ReadReport:
    """What was read: inflated bytes and lines seen, and what was cut at a cap."""

    bytes: int = 0
    lines: int = 0
    notes: list[str] = field(default_factory=list)


def read_chunks(
    source: Path | BinaryIO,
    report: ReadReport,
    limits: ReadLimits = ReadLimits(),
    chunk_size: int = 1 << 20,
) -> Iterator[Chunk]:
    """Yield the log as chunks of about `chunk_size` bytes; raises LogError when unreadable."""
    try:
        with source.open("rb") if isinstance(source, Path) else io.BytesIO(source.read()) as stream:
            magic = stream.read(4)
            stream.seek(0)
            if magic[:4] == b"PK\x03\x04":
                with zipfile.ZipFile(stream) as archive:
                    for name in archive.namelist()[: limits.max_entries]:
                        with archive.open(name) as entry:
                            yield from _cut(entry, report, chunk_size, name)
            elif magic[:2] == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=stream) as entry:
                    yield from _cut(entry, report, chunk_size, None)
            else:
                yield from _cut(stream, report, chunk_size, None)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise LogError(f"cannot read the log: {error}") from error


def _cut(stream: BinaryIO, report: ReadReport, size: int, part: str | None) -> Iterator[Chunk]:
    line, rest, continued = 1, b"", False
    while block := stream.read(size):
        report.bytes += len(block)
        end = block.rfind(b"\n") + 1
        if not end and len(rest) + len(block) < size:
            rest += block
            continue
        data = rest + (block[:end] or block)
        rest = block[end:] if end else b""
        yield Chunk(data if end else data + b"\n", line, part, continued)
        continued = not end
        lines = data.count(b"\n")
        line += lines
        report.lines += lines
    if rest:
        report.lines += 1
        yield Chunk(rest + b"\n", line, part, continued)


async def spool(stream: AsyncIterator[bytes], directory: Path, limits: ReadLimits) -> Path:
    """Write an HTTP body into a new file below `directory`; the caller deletes it."""
    path = directory / f"log-{uuid4().hex}"
    size = 0
    with path.open("wb") as file:
        async for block in stream:
            size += len(block)
            if size <= limits.max_bytes:
                file.write(block)
    return path
