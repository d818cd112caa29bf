"""A log's own verdict."""

import pytest

from pipeline_guard.classifier.signals import Signals
from pipeline_guard.logs.read import Chunk


def _hear(*lines: str) -> Signals:
    signals = Signals()
    signals.feed(Chunk("".join(line + "\n" for line in lines).encode(), 1))
    return signals


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("##[error]Process completed with exit code 1.", "failed"),
        ("Finished: FAILURE", "failed"),
        ("ERROR: Job failed: exit code 1", "failed"),
        ("Done. Your build exited with 1.", "failed"),
        ("Done. Your build exited with 0.", "passed"),
        ("Finished: SUCCESS", "passed"),
        ("Job succeeded", "passed"),
        ("2026-01-01T00:00:00.0000000Z Cleaning up orphan processes", "passed"),
        ("[12:00:01]E: \t [Step 1/2] Process exited with code 2 (Step: Test)", "failed"),
        ("all is well", "open"),
    ],
)
def test_verdicts(line: str, verdict: str) -> None:
    assert _hear("some work", line).verdict() == verdict


def test_failure_outweighs_the_clean_up_after_it() -> None:
    assert _hear("##[error]no", "Cleaning up orphan processes").verdict() == "failed"


def test_success_counts_at_the_end_only() -> None:
    assert _hear("Finished: SUCCESS", *["more and more work"] * 1000).verdict() == "open"


@pytest.mark.parametrize(
    "line",
    ["make: *** [all] Error 2", "3 failed, 2 passed", "FAILED tests/a.py", "npm ERR! code E1"],
)
def test_trouble(line: str) -> None:
    assert _hear(line).trouble


@pytest.mark.parametrize(
    "line",
    ["0 failed, 2 passed", "Failed: 0", "checking for error... no", "attempt 1 failed, sleeping"],
)
def test_no_trouble(line: str) -> None:
    assert not _hear(line).trouble
