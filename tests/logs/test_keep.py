import gzip
import zipfile
import zlib
from pathlib import Path

import pytest

from pipeline_guard.errors import LogError
from pipeline_guard.logs import keep
from pipeline_guard.logs.keep import keep_log


def texts(kept) -> dict[tuple[str, int], str]:
    """Every kept line by its part and number."""
    return {
        (chunk.part, number): text
        for chunk in kept.chunks
        for number, text in enumerate(
            zlib.decompress(chunk.data).decode().split("\n"), chunk.first_line
        )
    }


@pytest.fixture
def written(tmp_path: Path):
    def write(data: bytes) -> Path:
        path = tmp_path / "job.log"
        path.write_bytes(data)
        return path

    return write


def test_lines_are_cleaned_and_keep_their_numbers(written):
    stamp = b"2026-01-01T00:00:00.0000000Z "
    lines = [stamp + b"\x1b[31mline %d\x1b[0m" % number for number in range(1, 5_001)]
    kept = keep_log(written(gzip.compress(b"\n".join(lines))))
    found = texts(kept)
    assert (kept.lines, len(found)) == (5_000, 5_000)
    assert found["", 1] == "line 1"
    assert found["", 2_001] == "line 2001"
    assert found["", 5_000] == "line 5000"


def test_a_secret_is_masked_wherever_it_stands(written):
    secret = b"hunter2-T0pS3cret-9f8e7d"
    kept = keep_log(written(b"echo " + secret + b"\nexport API_TOKEN=" + secret + b"\n" + secret))
    assert "hunter2" not in "".join(texts(kept).values())


def test_steps_become_sections_that_cover_every_line(written):
    log = (
        b"setup\n##[group]Run make\nenv\n##[endgroup]\nmaking\n##[group]Details\nx\n##[endgroup]\n"
        b"more\n##[group]Run make lint\nend\n"
    )
    outline = keep_log(written(log)).outline
    assert [(item["path"], item["first"], item["last"]) for item in outline] == [
        ((), 1, 1),
        (("Run make",), 2, 5),
        (("Run make", "Details"), 6, 7),
        (("Run make",), 8, 9),
        (("Run make lint",), 10, 11),
    ]


def test_a_secret_in_a_steps_name_is_masked(written):
    log = b"##[group]Run docker login -u ci -p kQ3xN8pL4vR9 reg\nMY_TOKEN=Zz9Yy8Xx7Ww6Vv5\n"
    log += b"##[group]use Zz9Yy8Xx7Ww6Vv5\nx\n"
    paths = [item["path"] for item in keep_log(written(log)).outline]
    assert paths[0] == ("Run docker login -u ci -p [redacted] reg",)
    assert paths[1] == (*paths[0], "use [redacted]")


def test_each_file_of_a_zip_is_a_section_with_lines_of_its_own(tmp_path):
    path = tmp_path / "logs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("build/1_Set up.txt", "a\nb\n")
        archive.writestr("build/2_Test.txt", "c\n")
    kept = keep_log(path)
    assert [(item["path"], item["first"], item["last"]) for item in kept.outline] == [
        (("build", "Set up"), 1, 2),
        (("build", "Test"), 1, 1),
    ]
    assert texts(kept)["build/2_Test.txt", 1] == "c"


def test_of_a_huge_log_head_and_tail_are_kept_and_it_says_so(written, monkeypatch):
    monkeypatch.setattr(keep, "HEAD_RAW", 300_000)
    monkeypatch.setattr(keep, "TAIL_RAW", 300_000)
    kept = keep_log(written(b"".join(b"line %07d of many\n" % n for n in range(1, 100_001))))
    numbers = [number for _, number in texts(kept)]
    assert kept.lines == 100_000
    assert numbers[0] == 1
    assert numbers[-1] == 100_000
    assert texts(kept)["", 100_000] == "line 0100000 of many"
    missing = 100_000 - len(numbers)
    assert 50_000 < missing < 90_000
    assert kept.notes == (f"{missing:,} lines in the middle were not kept.",)


def test_what_is_kept_fits_its_size(written):
    noise = b"".join(b"%x\n" % (n * 2_654_435_761 % 2**32) for n in range(200_000))
    kept = keep_log(written(noise), 400_000)
    assert 100_000 < kept.size < 600_000  # whole chunks: one may stand over on each side
    assert kept.notes


def test_a_line_without_end_is_cut(written):
    kept = keep_log(written(b"x" * 1_000_000 + b"\nnext\n"))
    found = texts(kept)
    assert len(found["", 1]) < 4_100
    assert found["", 2] == "next"


def test_an_unreadable_log_is_an_error_of_ours(tmp_path):
    with pytest.raises(LogError):
        keep_log(tmp_path / "gone.log")
