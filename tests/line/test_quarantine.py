"""A test that fails and passes at the same commit again and again is put aside, for a while."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from tests.fakes.github.server import FakeGitHub
from tests.line.harness import Guarded, Line
from tests.line.test_proposals import swept

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
    # What passed twice unchanged is re-run, too: the mark only helps once people have merged it.
    assert [(a["kind"], a["status"]) for a in failure["actions"]] == [
        ("rerun", "done"), ("quarantine", "done"),
    ]  # fmt: skip
    assert failure["status"] == "healing"


async def test_without_an_owner_nothing_is_put_aside(line, github, monkeypatch):
    monkeypatch.setattr("tests.line.test_quarantine.OWNERS", b"# nobody\n")
    for number in (1, 2, 3):
        await flake(line, github, number)
    assert proposals(github) == []
    refusals = (await line.failures())[-1]["plan"]["refusals"]
    assert "owner" in {item["guard"] for item in refusals if item["step"] == "quarantine"}


async def put_aside(line: Line, github: FakeGitHub):
    """The test is marked, and people have merged that; returns what was proposed."""
    for number in (1, 2):
        await flake(line, github, number)
    await flake(line, github, 3, passes=False)
    (made,) = proposals(github)
    marked = github.api.git.content("acme/shop", made.branch)["tests/test_sum.py"]
    made.state, made.merged = "closed", True
    await swept(line)
    return marked


async def days_pass(line: Line, days: int) -> None:
    """Of marks, the day is nearer by so many."""
    async with line.context.database.transaction() as session:
        await session.execute(
            text(
                "UPDATE actions SET params = jsonb_set(params, '{until}', to_jsonb(to_char("
                "(params->>'until')::date - cast(:days AS int), 'YYYY-MM-DD')))"
                " WHERE params ? 'until'"
            ),
            {"days": days},
        )


async def green(line: Line, github: FakeGitHub, number: int, file: bytes) -> None:
    run = github.add_run(
        conclusion="success", jobs={"tests": "success"}, branch="main", sha=f"{number}" * 40,
        workflow="CI",
    )  # fmt: skip
    run.repo.branches["main"] = run.sha
    run.repo.files["tests/test_sum.py"] = file
    await line.post("github", *github.webhook("workflow_run", run))
    await line.settle()


async def test_when_its_day_is_over_the_marks_end_is_proposed_once(line, github):
    marked = await put_aside(line, github)
    await green(line, github, 4, marked)
    assert len(proposals(github)) == 1
    until = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    marked = marked.replace(
        (datetime.now(UTC) + timedelta(days=10)).date().isoformat().encode(), until.encode()
    )
    await days_pass(line, 11)
    for number in (5, 6):
        await green(line, github, number, marked)
    _, made = proposals(github)
    assert made.base == "main"
    after = github.api.git.content("acme/shop", made.branch)["tests/test_sum.py"]
    assert after == FILE
    actions = (await line.failures())[-1]["actions"]
    assert [(a["status"], a["outcome"]) for a in actions if a["kind"] == "quarantine"] == [
        ("done", "merged"), ("done", None),
    ]  # fmt: skip


async def test_a_mark_that_somebody_took_out_or_changed_is_left_to_people(line, github):
    await put_aside(line, github)
    await days_pass(line, 11)
    for number in (5, 6):
        await green(line, github, number, FILE)
    assert len(proposals(github)) == 1
    (told,) = [a for a in (await line.failures())[-1]["actions"] if a["status"] == "skipped"]
    assert "The mark is not there as we wrote it." in told["note"]


@pytest.mark.parametrize(
    ("path", "after"),
    [("/git/commits", True), ("/repos/acme/shop/pulls", True), ("/git/refs", False)],
)
async def test_an_end_that_was_interrupted_is_proposed_once(line, github, path, after):
    marked = (await put_aside(line, github)).replace(
        (datetime.now(UTC) + timedelta(days=10)).date().isoformat().encode(),
        (datetime.now(UTC) - timedelta(days=1)).date().isoformat().encode(),
    )
    await days_pass(line, 11)
    github.fail("POST", path, 502, after=after)
    await green(line, github, 5, marked)
    await line.hurry()
    await green(line, github, 6, marked)
    assert len(proposals(github)) == 2
