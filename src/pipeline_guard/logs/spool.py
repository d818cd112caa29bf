"""Writes a log's HTTP body to a temporary file, its size capped and its line numbers kept."""

import asyncio
import os
import tempfile
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from pipeline_guard.errors import LogError
from pipeline_guard.logs.read import GZIP_MAGIC, ZIP_MAGIC, ReadLimits, ReadReport


async def spool(
    stream: AsyncIterator[bytes],
    directory: Path,
    limits: ReadLimits,
    report: ReadReport | None = None,
) -> Path:
    """Write `stream` into a new private file below `directory`; the caller deletes it.

    Past `limits.max_bytes` the head and the tail are kept with as many empty lines between them
    as were left out, and `report` gets a note. Raises LogError when an archive is larger.
    """
    handle, name = await asyncio.to_thread(tempfile.mkstemp, ".log", "job-", directory)
    try:
        with os.fdopen(handle, "wb") as file:
            writer = _Writer(file, limits)
            async for block in stream:
                await asyncio.to_thread(writer.write, block)
                if writer.full:
                    break
            note = await asyncio.to_thread(writer.finish)
    except BaseException:
        await asyncio.to_thread(os.unlink, name)
        raise
    if note and report is not None:
        report.notes.append(note)
    return Path(name)


class _Writer:
    """Keeps the head in the file and the tail in memory until the end is known."""

    def __init__(self, file: BinaryIO, limits: ReadLimits) -> None:
        self._file = file
        self._limits = limits
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._left_out = 0
        self._lines_left_out = 0
        self._written = 0
        self._head = b""

    @property
    def full(self) -> bool:
        """So much was left out already that the search for the end is given up."""
        return self._left_out > self._limits.work_bytes

    def write(self, block: bytes) -> None:
        """Take the next bytes of the body; raises LogError when an archive is over the cap."""
        if not self._tail and self._written + len(block) <= self._limits.max_bytes:
            self._file.write(block)
            self._head = self._head or block[:4]
            self._written += len(block)
            return
        if self._head in ZIP_MAGIC or self._head[:2] == GZIP_MAGIC:
            raise LogError(f"the log's archive is larger than {self._limits.max_bytes:,} bytes")
        self._tail.append(block)
        self._tail_size += len(block)
        while len(self._tail) > 1 and self._tail_size > self._limits.tail_bytes:
            gone = self._tail.popleft()
            self._tail_size -= len(gone)
            self._left_out += len(gone)
            self._lines_left_out += gone.count(b"\n")

    def finish(self) -> str | None:
        """Write the tail; give a note when something was left out."""
        if self._left_out:
            self._drop_rest_of_line()
        self._file.write(b"\n" * min(self._lines_left_out, self._limits.max_bytes))
        for block in self._tail:
            self._file.write(block)
        if not self._left_out:
            return None
        return f"the log is over a size cap: {self._left_out:,} bytes in its middle were left out"

    def _drop_rest_of_line(self) -> None:
        """The beginning of the tail's first line is gone, and with it the name beside a secret."""
        first = self._tail[0]
        at = first.find(b"\n")
        if at >= 0:
            self._tail[0] = first[at:]
            self._left_out += at
