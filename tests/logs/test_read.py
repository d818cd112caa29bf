"""Reading: every form of log comes out as whole lines with their raw numbers, within the caps."""

import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_guard.errors import LogError
from pipeline_guard.logs.read import Chunk, ReadLimits, ReadReport, read_chunks

DEFAULT = ReadLimits()


def read(
    data: bytes, limits: ReadLimits = DEFAULT, size: int = 1 << 20
) -> tuple[list[Chunk], ReadReport]:
    report = ReadReport()
    return list(read_chunks(io.BytesIO(data), report, limits, size)), report


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def joined(chunks: list[Chunk]) -> bytes:
    return b"".join(chunk.data for chunk in chunks)


LOG = b"".join(b"line %d of the log\n" % n for n in range(1, 5001))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: zipped({"1_Build.txt": data})])
def test_every_form_gives_the_same_lines_and_counts(pack):
    chunks, report = read(pack(LOG), size=1000)
    assert joined(chunks) == LOG
    assert (report.bytes, report.lines, report.notes) == (len(LOG), 5000, [])
    for chunk in chunks:
        assert chunk.data.startswith(b"line %d of" % chunk.first_line)
        assert chunk.data.endswith(b"\n")
        assert len(chunk.data) < 2100


def test_reads_from_a_path_and_says_when_it_cannot(tmp_path: Path):
    (tmp_path / "job.log").write_bytes(LOG)
    assert joined(list(read_chunks(tmp_path / "job.log", ReadReport()))) == LOG
    for path in (tmp_path, tmp_path / "absent.log"):
        with pytest.raises(LogError, match="cannot be read"):
            list(read_chunks(path, ReadReport()))


# Bytes that no reader could take for a program's data or for UTF-16.
TEXTUAL = st.lists(st.sampled_from(b"\n\n\r\tab \x1b[\xc3\xff"), max_size=400).map(bytes)


@given(TEXTUAL, st.integers(1, 64))
def test_any_bytes_survive_with_their_line_numbers(data: bytes, size: int):
    data = b"x" + data  # no magic or byte order mark by chance
    chunks, report = read(data, size=size)
    lines = data.split(b"\n")[: data.count(b"\n") + (not data.endswith(b"\n"))]
    seen: dict[int, bytes] = {}
    for chunk in chunks:
        for index, line in enumerate(chunk.data.split(b"\n")[:-1]):
            number = chunk.first_line + index
            assert (number in seen) == (chunk.continued and index == 0)
            seen[number] = seen.get(number, b"") + line
    assert seen == dict(enumerate(lines, 1))
    assert (report.bytes, report.lines) == (len(data), len(lines))


def test_a_line_longer_than_a_chunk_is_cut_between_words():
    chunks, report = read(b"short\n" + b"word " * 1000 + b"\nlast", size=512)
    assert report.lines == 3
    pieces = [chunk for chunk in chunks if chunk.first_line == 2]
    assert all(piece.data.rstrip(b"\n").endswith(b" ") for piece in pieces[:-1])
    assert [piece.continued for piece in pieces] == [False] + [True] * (len(pieces) - 1)


def test_a_log_over_the_cap_keeps_head_and_tail_and_true_numbers():
    chunks, report = read(LOG, ReadLimits(max_bytes=20_000), size=1000)
    assert chunks[0].first_line == 1
    assert chunks[-1].data.endswith(b"line 5000 of the log\n")
    assert all(b"line %d of" % c.first_line == c.data[: c.data.index(b" of") + 3] for c in chunks)
    assert len(joined(chunks)) <= 22_000
    assert report.lines == 5000
    assert "were left out" in report.notes[0]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_byte_order_marks_are_understood(encoding: str):
    text = "Fehler: größer\r\nzwei\n"
    chunks, report = read(text.encode(encoding))
    assert joined(chunks) == text.encode()
    assert report.bytes == len(text.encode(encoding))


def test_nul_and_invalid_utf8_and_crlf_come_as_they_are():
    data = b"a\0b\r\n\xff\xfe\x80 c\r\n"
    assert joined(read(data)[0]) == data


def test_an_empty_log_is_no_chunk_at_all():
    assert read(b"") == ([], ReadReport(notes=["the log is empty"]))


class Pipe(io.RawIOBase):
    """A stream that cannot seek and gives a few bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(size, 1000))

    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: zipped({"1_Build.txt": data})])
def test_a_pipe_is_read_whatever_it_carries(pack):
    assert joined(list(read_chunks(Pipe(pack(LOG)), ReadReport()))) == LOG
