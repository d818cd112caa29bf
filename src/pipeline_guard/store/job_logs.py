"""Kept logs: written with their failure, read in windows of lines."""

import asyncio
import zlib
from collections.abc import AsyncIterator

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.kept import KeptLog
from pipeline_guard.store.failures import storable
from pipeline_guard.store.log_tables import JobLog, JobLogChunk


async def add(session: AsyncSession, failure_id: int, kept: KeptLog) -> None:
    """Store the log of a failure that was just stored."""
    values = {
        "failure_id": failure_id,
        "lines": kept.lines,
        "size": kept.size,
        "outline": storable(kept.outline),
        "notes": storable(kept.notes),
    }
    await session.execute(insert(JobLog).values(values))
    rows = [
        {
            "failure_id": failure_id,
            "number": number,
            "part": storable(chunk.part),
            "first_line": chunk.first_line,
            "lines": chunk.lines,
            "data": chunk.data,
        }
        for number, chunk in enumerate(kept.chunks)
    ]
    if rows:
        await session.execute(insert(JobLogChunk), rows)


async def get(session: AsyncSession, failure_id: int) -> JobLog | None:
    """The log of that failure, without its lines; None when none was kept."""
    return await session.get(JobLog, failure_id)


async def lines(
    session: AsyncSession, failure_id: int, part: str, first: int, last: int
) -> list[tuple[int, str]]:
    """Numbered lines of a part from `first` to `last`; those that were left out are missing."""
    query = (
        select(JobLogChunk.first_line, JobLogChunk.data)
        .where(
            JobLogChunk.failure_id == failure_id,
            JobLogChunk.part == part,
            JobLogChunk.first_line <= last,
            JobLogChunk.first_line + JobLogChunk.lines > first,
        )
        .order_by(JobLogChunk.first_line)
    )
    return [
        (number, text)
        for start, data in await session.execute(query)
        for number, text in enumerate(zlib.decompress(data).decode().split("\n"), start)
        if first <= number <= last
    ]


async def pieces(
    session: AsyncSession, failure_id: int, part: str
) -> AsyncIterator[tuple[int, str]]:
    """A part's text piece by piece, each with the number of its first line."""
    query = (
        select(JobLogChunk.first_line, JobLogChunk.data)
        .where(JobLogChunk.failure_id == failure_id, JobLogChunk.part == part)
        .order_by(JobLogChunk.first_line)
        .execution_options(yield_per=8)
    )
    async for first, data in await session.stream(query):
        yield first, (await asyncio.to_thread(zlib.decompress, data)).decode()


async def search(
    session: AsyncSession, failure_id: int, part: str, wanted: str, most: int
) -> list[tuple[int, str]]:
    """The first lines of a part that hold a text, whatever its case."""
    found: list[tuple[int, str]] = []
    low = wanted.casefold()
    async for first, text in pieces(session, failure_id, part):
        if low not in text.casefold():
            continue
        for number, line in enumerate(text.split("\n"), first):
            if low in line.casefold():
                found.append((number, line))
                if len(found) >= most:
                    return found
    return found


async def ranges(session: AsyncSession, failure_id: int) -> list[tuple[str, int, int]]:
    """What was kept: (part, first line, last line) of each chunk, in order."""
    query = (
        select(JobLogChunk.part, JobLogChunk.first_line, JobLogChunk.lines)
        .where(JobLogChunk.failure_id == failure_id)
        .order_by(JobLogChunk.number)
    )
    return [(part, first, first + count - 1) for part, first, count in await session.execute(query)]


async def text_of(session: AsyncSession, failure_id: int) -> str:
    """All that was kept of a failure's log, part after part; empty when nothing was."""
    parts = dict.fromkeys(part for part, _, _ in await ranges(session, failure_id))
    return "\n".join(
        [text for part in parts async for _, text in pieces(session, failure_id, part)]
    )
