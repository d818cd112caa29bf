"""Archives: damage, bombs and odd names give notes, never a traceback or endless work."""

import gzip
import io
import random
import struct
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_guard.errors import LogError
from pipeline_guard.logs.archive import safe_label
from pipeline_guard.logs.read import ReadLimits, ReadReport, read_chunks

DEFAULT = ReadLimits()


def read(data: bytes, limits: ReadLimits = DEFAULT):
    report = ReadReport()
    return list(read_chunks(io.BytesIO(data), report, limits)), report


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_steps_come_in_the_order_they_ran_and_only_once():
    chunks, report = read(
        zipped(
            {
                "0_build.txt": b"whole job\n",
                "build/10_Test.txt": b"ten\n",
                "build/2_Compile.txt": b"two\n",
                "build/system.txt": b"runner\n",
                "build/": b"",
            }
        )
    )
    assert [chunk.part for chunk in chunks] == [
        "build/system.txt",
        "build/2_Compile.txt",
        "build/10_Test.txt",
    ]
    assert all(chunk.first_line == 1 for chunk in chunks)
    assert report.lines == 3


def test_a_job_without_a_folder_is_read_whole():
    assert [c.part for c in read(zipped({"0_build.txt": b"x\n"}))[0]] == ["0_build.txt"]


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/abs/\x1b[31mred\n.txt", "abs/[31mred.txt"),
        ("..\\..\\win.ini", "win.ini"),
        ("a/./b", "a/b"),
        ("..", "unnamed"),
        ("x" * 500, "x" * 200),
        ("build/1_use ghp_" + "a1B2" * 9 + " now.txt", "build/1_use [redacted] now.txt"),
    ],
)
def test_names_are_only_labels(name: str, label: str):
    assert safe_label(name) == label


def test_a_bomb_costs_little_and_keeps_its_ends():
    bomb = b"start\n" + (b"0" * 99 + b"\n") * 600_000 + b"the end\n"
    for packed in (gzip.compress(bomb), zipped({"1_Bomb.txt": bomb})):
        chunks, report = read(packed, ReadLimits(max_bytes=8 * 2**20, max_ratio=50))
        assert chunks[0].data.startswith(b"start\n")
        assert chunks[-1].data.endswith(b"the end\n")
        assert sum(len(chunk.data) for chunk in chunks) <= 8 * 2**20
        assert any("left out" in note for note in report.notes)


def test_work_ends_even_when_the_bomb_does_not():
    bomb = gzip.compress(b"0" * 40 * 2**20)
    _, report = read(bomb, ReadLimits(max_bytes=2**20))
    assert report.bytes <= 18 * 2**20
    assert any("reading stopped" in note for note in report.notes)


def test_files_that_lie_over_one_another_end_the_work():
    """A zip's directory may name the same stored bytes a thousand times."""
    data = b"some words of a log\n" * 5000
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", data)
        archive.filelist *= 500
    small = ReadLimits(max_bytes=2**20)
    chunks, report = read(buffer.getvalue(), small)
    assert report.bytes < small.work_bytes + len(data)
    assert any("reading stopped" in note for note in report.notes)
    assert sum(len(chunk.data) for chunk in chunks) <= small.max_bytes


def test_a_zip_of_nothing_readable_is_no_log_without_failure():
    inner = zipped({"build.txt": random.Random(1).randbytes(4000)})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("build.txt", "Error: x\n")
    for data in (zipped({"logs.zip": inner}), buffer.getvalue()):
        with pytest.raises(LogError, match="nothing in the zip can be read"):
            read(data)


def test_too_many_files_keep_the_first_and_the_last():
    chunks, report = read(
        zipped({f"{n}_Step.txt": b"%d\n" % n for n in range(50)}), ReadLimits(max_entries=4)
    )
    assert [chunk.data for chunk in chunks] == [b"0\n", b"1\n", b"48\n", b"49\n"]
    assert report.notes == ["46 of the zip's 50 files were left out"]


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.99])
def test_a_truncated_gzip_is_read_as_far_as_it_goes(keep: float):
    data = gzip.compress(b"".join(b"line %d\n" % n for n in range(9999)))
    chunks, report = read(data[: int(len(data) * keep)])
    assert chunks[0].data.startswith(b"line 0\n")
    assert "cut short" in report.notes[0]


def test_gzip_members_follow_each_other_and_trailing_junk_is_noted():
    assert read(gzip.compress(b"a\n") + gzip.compress(b"b\n"))[0][-1].data.endswith(b"b\n")
    chunks, report = read(gzip.compress(b"a\n") + b"junk")
    assert chunks[0].data == b"a\n"
    assert len(report.notes) == 1


@pytest.mark.parametrize("data", [b"\x1f\x8bgarbage", b"PK\x03\x04garbage", b"PK\x05\x06"])
def test_what_only_looks_like_an_archive_is_an_error_for_people(data: bytes):
    with pytest.raises(LogError):
        read(data)


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.8, 0.995])
def test_a_truncated_zip_is_read_as_far_as_it_goes(keep: float):
    rng = random.Random(3)
    steps = {
        f"build/{n}_Step.txt": b"".join(b"%d %d\n" % (n, rng.getrandbits(99)) for _ in range(400))
        for n in range(1, 4)
    }
    data = zipped(steps)
    chunks, report = read(data[: int(len(data) * keep)])
    assert chunks[0].part == "build/1_Step.txt"
    assert steps["build/1_Step.txt"].startswith(chunks[0].data[:1000])
    assert "cut short" in report.notes[0]
    if keep > 0.9:
        assert b"".join(chunk.data for chunk in chunks) == b"".join(steps.values())


def test_a_picture_in_a_zip_is_left_out_and_the_log_read():
    chunks, report = read(zipped({"1_A.txt": b"log\n", "2_B.png": random.Random(1).randbytes(900)}))
    assert [chunk.data for chunk in chunks] == [b"log\n"]
    assert "2_B.png was left out" in report.notes[0]


def test_a_wrong_checksum_is_noted():
    data = bytearray(zipped({"1_A.txt": b"hello world\n" * 50}))
    directory = data.index(b"PK\x01\x02")
    data[directory + 16 : directory + 20] = b"\0\0\0\0"
    chunks, report = read(bytes(data))
    assert chunks[0].data.startswith(b"hello world")
    assert "damaged" in report.notes[0]


def test_a_forged_directory_size_does_not_fill_memory():
    data = bytearray(zipped({"1_A.txt": b"x\n"})) + b"\0" * 3 * 2**20
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 3 * 2**20, len(data) - 3 * 2**20, 0)
    with pytest.raises(LogError, match="too large"):
        read(bytes(data) + end)


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_archive_never_raises_anything_else(data: st.DataObject):
    whole = zipped({"a/1_A.txt": b"one\n" * 40, "a/2_B.txt": b"two\n" * 40})
    source = bytearray(data.draw(st.sampled_from([whole, gzip.compress(b"three\n" * 60)])))
    for _ in range(data.draw(st.integers(1, 4))):
        source[data.draw(st.integers(4, len(source) - 1))] = data.draw(st.integers(0, 255))
    with suppress(LogError):
        read(bytes(source[: data.draw(st.integers(4, len(source)))]))
