"""Where GitHub's page of a job shows a line of its log: the right step, the right line in it."""

from pathlib import Path

import pytest

from pipeline_guard.platforms.github.log_lines import StepStart, places

DAY = "2026-01-02T03:04:"
LOG = """\
05.1000000Z Current runner version: '2.330.0'
05.1000001Z ##[group]Runner Image
05.1000002Z Image: ubuntu-24.04
05.1000003Z ##[endgroup]
06.2000000Z ##[group]Run actions/checkout@v6
06.2000001Z with:
06.2000002Z ##[endgroup]
06.3000000Z Syncing repository: acme/shop
06.9000000Z ##[group]Run echo quick
06.9000001Z ##[endgroup]
06.9000002Z quick
06.9500000Z ##[group]Run make test
06.9500001Z ##[endgroup]
08.0000000Z test_cart FAILED
08.0000001Z ##[error]Process completed with exit code 2.
09.0000000Z Post job cleanup.
09.1000000Z Cleaning up orphan processes
"""
STEPS = [
    StepStart(1, f"{DAY}04"),
    StepStart(2, f"{DAY}06"),
    StepStart(3, f"{DAY}06"),
    StepStart(5, f"{DAY}06"),
    StepStart(9, f"{DAY}09"),
    StepStart(10, f"{DAY}09"),
]


def _log(folder: Path, text: str = LOG) -> Path:
    path = folder / "job.log"
    path.write_text("\ufeff" + "".join(f"{DAY}{line}\n" for line in text.splitlines()))
    return path


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (1, (1, 1)),
        (4, (1, 4)),
        (5, (2, 1)),
        (8, (2, 4)),
        (9, (3, 1)),  # began and ended within the second in which others did
        (11, (3, 3)),
        (12, (5, 1)),
        (14, (5, 3)),
        (16, (9, 1)),
        (17, (10, 1)),
    ],
)
def test_a_line_is_counted_from_its_steps_first(
    tmp_path: Path, line: int, place: tuple[int, int]
) -> None:
    assert places(_log(tmp_path), STEPS, [line]) == [place]


def test_a_step_without_an_opening_of_its_own_begins_with_its_first_second(tmp_path: Path) -> None:
    log = _log(tmp_path, "05.1000000Z Current runner version\n07.0000000Z built\n07.1000000Z bad\n")
    steps = [StepStart(1, f"{DAY}05"), StepStart(2, f"{DAY}07"), StepStart(3, f"{DAY}08")]
    assert places(log, steps, [3, 1]) == [(2, 2), (1, 1)]


def test_a_log_without_times_tells_no_place(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    log.write_text("make: *** [all] Error 2\n" + "x" * 200_000 + "\nend\n")
    assert places(log, STEPS, [1, 3]) == [None, None]
    assert places(_log(tmp_path), [], [1]) == [None]


def test_a_line_as_long_as_a_log_counts_once(tmp_path: Path) -> None:
    log = _log(tmp_path)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines[:7], b"x" * 200_000 + b"\n", *lines[7:]]))
    assert places(log, STEPS, [10, 15]) == [(3, 1), (5, 3)]
