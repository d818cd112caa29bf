"""How a job's log gets to the judge: streamed, carried inline, cut, or not there at all."""

from pathlib import Path

import pytest
from tests.stages.decide.test_decide import run

from pipeline_guard.domain.diagnosis import Diagnosis, EvidenceLine
from pipeline_guard.errors import LogError, NotFound
from pipeline_guard.logs import read
from pipeline_guard.stages.diagnose import diagnose
from pipeline_guard.stages.diagnose.shelf import Shelf
from pipeline_guard.telemetry.telemetry import Telemetry


class Platform:
    """Gives what it was made with."""

    def __init__(self, log: bytes | None = None, remarks: tuple[str, ...] = ()) -> None:
        self.log, self.remarks = log, remarks

    async def stream_log(self, a_run, job):
        if self.log is None:
            raise NotFound("no log")
        for start in range(0, len(self.log), 1000):
            yield self.log[start : start + 1000]

    async def annotations(self, a_run, job):
        return self.remarks

    def log_line_urls(self, a_run, job, log, lines):
        return [f"page#{line}" for line in lines if log.exists()]


class Judge:
    """Notes what it was given."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.seen, self.remarks = error, b"", ()

    def judge(self, source: Path, *, platform, failed, extra_lines) -> Diagnosis:
        self.seen, self.remarks = source.read_bytes(), extra_lines
        if self.error:
            raise self.error
        evidence = (EvidenceLine(2, "boom"),)
        return Diagnosis(
            "crash", 0.9, "rule", transient=False, evidence=evidence, notes=("its own",)
        )


class Context:
    """As much of a context as is looked at."""

    def __init__(self, scratch: Path, judge: Judge) -> None:
        self.scratch, self.judge = scratch, judge
        self.telemetry = Telemetry()


async def judged(tmp_path: Path, platform: Platform, inline: str = "", judge: Judge | None = None):
    judge = judge or Judge()
    a_run = run()
    found = await diagnose._diagnose(
        Context(tmp_path, judge), platform, a_run, a_run.jobs[0], inline, Shelf(a_run, 1)
    )
    assert list(tmp_path.iterdir()) == [], "the log is deleted whatever happens"
    return found, judge


async def test_the_platforms_log_is_judged(tmp_path):
    found, judge = await judged(tmp_path, Platform(b"boom\n" * 500))
    assert (found.category, judge.seen) == ("crash", b"boom\n" * 500)
    assert [(line.line, line.url) for line in found.evidence] == [(2, "page#2")]


async def test_a_log_carried_in_the_delivery_serves_when_the_platform_has_none(tmp_path):
    _, judge = await judged(tmp_path, Platform(None, ("a remark",)), inline="boom\n")
    assert (judge.seen, judge.remarks) == (b"boom\n", ())


async def test_without_any_log_the_platforms_remarks_are_judged(tmp_path):
    _, judge = await judged(tmp_path, Platform(None, ("a remark",)))
    assert (judge.seen, judge.remarks) == (b"", ("a remark",))


@pytest.mark.parametrize("error", [LogError("damaged"), ValueError("a bug")])
async def test_a_log_that_cannot_be_judged_leaves_an_unknown_failure_with_the_reason(
    tmp_path, error
):
    found, _ = await judged(tmp_path, Platform(b"x"), judge=Judge(error))
    assert (found.category, found.transient) == ("unknown", False)
    assert str(error) in found.notes[0]


async def test_a_log_that_was_cut_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(diagnose, "ReadLimits", lambda: read.ReadLimits(max_bytes=20_000))
    found, judge = await judged(tmp_path, Platform(b"line\n" * 20_000))
    assert len(found.notes) == 2
    assert found.notes[-1] == "its own"
    assert len(judge.seen) < 100_000


async def test_an_archive_too_large_to_keep_is_told_not_raised(tmp_path, monkeypatch):
    monkeypatch.setattr(diagnose, "ReadLimits", lambda: read.ReadLimits(max_bytes=20_000))
    found, _ = await judged(tmp_path, Platform(b"PK\x03\x04" + b"x" * 100_000))
    assert found.category == "unknown"
    assert "could not be read" in found.notes[0]


async def test_an_inline_log_cut_within_a_character_is_read(tmp_path: Path) -> None:
    _, judge = await judged(tmp_path, Platform(), inline="it broke \ud83d")
    assert judge.seen.startswith(b"it broke ")
