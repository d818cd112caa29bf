"""Spooling: a log's body lands in a private file under a cap, with its line numbers kept."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline_guard.errors import LogError
from pipeline_guard.logs.read import ReadLimits, ReadReport, read_chunks
from pipeline_guard.logs.spool import spool


async def body(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


LOG = b"".join(b"line %d\n" % n for n in range(1, 20_001))


async def test_a_log_under_the_cap_is_kept_as_it_is(tmp_path: Path):
    report = ReadReport()
    path = await spool(body(LOG), tmp_path, ReadLimits(), report)
    assert path.read_bytes() == LOG
    assert path.stat().st_mode & 0o077 == 0
    assert report.notes == []


async def test_past_the_cap_head_and_tail_stay_with_their_numbers(tmp_path: Path):
    report = ReadReport()
    path = await spool(body(LOG), tmp_path, ReadLimits(max_bytes=40_000), report)
    lines = path.read_bytes().split(b"\n")
    assert lines[0] == b"line 1"
    assert lines[19_999] == b"line 20000"
    assert path.stat().st_size < 80_000
    assert "left out" in report.notes[0]
    chunks = list(read_chunks(path, ReadReport()))
    assert chunks[-1].data.endswith(b"line 20000\n")


async def test_half_a_line_at_the_start_of_the_tail_is_left_out(tmp_path: Path):
    log = b"".join(b"line %d api_token=kQ3xN8pL4vR9tYwZ3%05d\n" % (n, n) for n in range(1, 5001))
    whole = set(log.split(b"\n"))
    for size in (990, 997, 1001, 1009):
        path = await spool(body(log, size), tmp_path, ReadLimits(max_bytes=40_000))
        lines = path.read_bytes().split(b"\n")
        assert len(lines) == 5001
        assert lines[4_999].startswith(b"line 5000 ")
        head = lines.index(b"")
        assert not any(line not in whole for line in lines[head:])


async def test_an_archive_over_the_cap_is_refused_and_leaves_no_file(tmp_path: Path):
    packed = gzip.compress(LOG, 0)
    with pytest.raises(LogError, match="larger"):
        await spool(body(packed), tmp_path, ReadLimits(max_bytes=10_000))
    assert list(tmp_path.iterdir()) == []


async def test_a_broken_body_leaves_no_file(tmp_path: Path):
    async def broken() -> AsyncIterator[bytes]:
        yield b"line\n"
        raise OSError("reset")

    with pytest.raises(OSError, match="reset"):
        await spool(broken(), tmp_path, ReadLimits())
    assert list(tmp_path.iterdir()) == []


async def test_an_endless_body_ends(tmp_path: Path):
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000 + b"\n"

    path = await spool(endless(), tmp_path, ReadLimits(max_bytes=20_000))
    assert path.stat().st_size < 60_000
