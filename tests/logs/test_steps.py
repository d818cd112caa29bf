"""Steps: each platform's marks tell which step a raw line belongs to."""

from pipeline_guard.logs.read import Chunk
from pipeline_guard.logs.steps import StepTree


def tree(*texts: bytes, part: str | None = None) -> StepTree:
    steps, line = StepTree(), 1
    for text in texts:
        steps.feed(Chunk(text, line, part))
        line += text.count(b"\n")
    return steps


def test_github_output_follows_the_group_of_its_step():
    steps = tree(
        b"before\n2026-01-01T00:00:00.0Z ##[group]Run make test\nenv\n##[endgroup]\n",
        b"output\n##[group]Details\ninside\n##[endgroup]\nmore\n##[group]Run make lint\n",
    )
    assert steps.step_of(1) == ()
    assert [steps.step_of(n) for n in (3, 5)] == [("Run make test",)] * 2
    assert steps.step_of(7) == ("Run make test", "Details")
    assert steps.step_of(9) == ("Run make test",)
    assert steps.step_of(99) == ("Run make lint",)


def test_gitlab_sections_nest_and_share_lines():
    steps = tree(
        b"section_start:1:prepare\r\x1b[0KPrepare\nx\n"
        b"section_end:2:prepare\r\x1b[0Ksection_start:2:script[collapsed=true]\r\x1b[0KRun\n"
        b"section_start:3:inner\r\x1b[0K\ny\nsection_end:4:script\r\x1b[0K\nz\n"
    )
    assert steps.step_of(2) == ("prepare",)
    assert steps.step_of(3) == ("script",)
    assert steps.step_of(5) == ("script", "inner")
    assert steps.step_of(7) == ()


def test_travis_folds():
    steps = tree(b"travis_fold:start:install.1\r\x1b[0Knpm\nx\ntravis_fold:end:install.1\r\nz\n")
    assert steps.step_of(2) == ("install.1",)
    assert steps.step_of(4) == ()


def test_a_zip_entry_is_its_step():
    steps = tree(b"a\n##[group]Fetch\nb\n", part="build (x64)/12_Run tests.txt")
    assert steps.step_of(1, "build (x64)/12_Run tests.txt") == ("build (x64)", "Run tests")
    assert steps.step_of(3, "build (x64)/12_Run tests.txt")[-1] == "Fetch"
    assert steps.step_of(1, "other.txt") == ("other",)


def test_a_flood_of_marks_is_bounded():
    steps = tree(b"section_start:1:a\n" * 50_000)
    assert len(steps.step_of(50_000)) == 8
    assert len(steps._lines[None]) == 20_000
