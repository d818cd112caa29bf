"""A test that fails and passes at the same commit again and again is put aside, for a while."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes.github.server import FakeGitHub
from tests.line.harness import Guarded, Line

RED = "FAILED tests/test_sum.py::test_sum - assert 3 == 4\n=== 1 failed, 8 passed in 0.20s ===\n##[error]Process completed with exit code 1.\n"  # noqa: E501
FILE = b"import os\n\n\ndef test_sum():\n    assert os.getpid() % 2\n"
OWNERS = b"* @acme/all\ntests/ @acme/core\n"


@pytest.fixture
async def line(guarded: Guarded) -> AsyncIterator[Line]:
    async with guarded("mode: act\nquarantine:\n  mode: act\n  proven: 2\n  days: 10\n") as running:
        yield running


async def flake(line: Line, github: FakeGitHub, number: int, *, passes: bool = True) -> None:
    """A red run of main; somebody runs it again, and it passes."""
    run = github.add_run(log=RED, branch="main", sha=f"{number}" * 40, workflow=f"CI {number}")
    run.repo.branches["main"] = run.sha
    run.repo.files |= {"tests/test_sum.py": FILE, "CODEOWNERS": OWNERS}
    await line.post("github", *github.webhook("workflow_run", run))
    await line.settle()
    if passes:
        github.world.rerun(run, None, "dev")
        github.finish_run(run)
        await line.post("github", *github.webhook("workflow_run", run))
        await line.settle()


def proposals(github: FakeGitHub):
    return [p for p in github.world.repos["acme/shop"].pulls.values() if p.user == github.login]


async def test_a_proven_flake_is_marked_with_owner_and_end_and_an_unproven_one_is_not(line, github):
    await flake(line, github, 1)
    await flake(line, github, 2)
    assert proposals(github) == []
    await flake(line, github, 3, passes=False)
    (made,) = proposals(github)
    assert made.base == "main"
    until = (datetime.now(UTC) + timedelta(days=10)).date().isoformat()
    mark = f'reason="flaky, in quarantine until {until}; owner: @acme/core"'
    after = github.api.git.content("acme/shop", made.branch)["tests/test_sum.py"].decode()
    assert f"@pytest.mark.xfail(strict=False, {mark})\ndef test_sum():" in after
    failure = (await line.failures())[-1]
    assert [(a["kind"], a["status"]) for a in failure["actions"]] == [("quarantine", "done")]
    assert failure["status"] == "open"


async def test_without_an_owner_nothing_is_put_aside(line, github, monkeypatch):
    monkeypatch.setattr("tests.line.test_quarantine.OWNERS", b"# nobody\n")
    for number in (1, 2, 3):
        await flake(line, github, number)
    assert proposals(github) == []
    refusals = (await line.failures())[-1]["plan"]["refusals"]
    assert "owner" in {item["guard"] for item in refusals if item["step"] == "quarantine"}
