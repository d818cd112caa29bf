"""The check run beside the comment: one per commit, neutral, and left out where it may not be."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.fakes.github import Check, FakeGitHub
from tests.line.harness import Line, on_github, running_line
from tests.line.test_github import DNS, RED, comments, send

from pipeline_guard.store import checks

LINT = "src/shop/cart.py:12:5: F401 'os' imported but unused\nFound 1 error.\n"


@pytest.fixture
async def app_line(
    github: FakeGitHub, database_url: str, tmp_path: Path, mode: str
) -> AsyncIterator[Line]:
    """The line with a token of an App, which may write check runs."""
    github.add_token("ghs_app", "guard[bot]")
    async with running_line(
        database_url,
        tmp_path,
        mode=mode,
        **on_github(github) | {"github_token": "ghs_app"},
        public_url="https://guard.example",
    ) as running:
        yield running


def ours(github: FakeGitHub) -> list[Check]:
    return list(github.add_repo().checks.values())


async def test_one_check_run_per_commit_says_the_verdict_and_points_at_the_line(github, app_line):
    github.add_pull()
    await send(app_line, github, github.add_run(log=LINT))
    (check,) = ours(github)
    assert (check.conclusion, check.sha) == ("neutral", "1" * 40)
    (call,) = github.calls("POST", "/check-runs")
    assert call.body["details_url"] == "https://guard.example/failures/1"
    assert check.output["title"].startswith("Yours: tests: a linter or formatter objects")
    assert "F401" in check.output["summary"]
    assert "/guard" not in check.output["summary"]
    assert [(item["path"], item["start_line"]) for item in check.annotations] == [
        ("src/shop/cart.py", 12)
    ]
    await send(app_line, github, github.add_run(log=RED, workflow="Other"))
    assert len(ours(github)) == 1
    assert check.output["title"].endswith("(and 1 more)")
    assert len(check.annotations) == 1


async def test_it_follows_what_becomes_of_the_failure_also_on_a_branch(github, app_line):
    run = github.add_run(log=DNS)
    await send(app_line, github, run)
    (check,) = ours(github)
    assert check.output["title"].endswith("it is being re-run")
    github.finish_run(run)
    await send(app_line, github, run)
    assert len(ours(github)) == 1
    assert check.output["title"].endswith("and the re-run passed")


@pytest.mark.parametrize("mode", ["observe"], indirect=True)
async def test_observe_writes_none(github, app_line):
    await send(app_line, github, github.add_run(log=RED))
    assert ours(github) == []


async def test_without_the_permission_it_is_left_out_and_asked_for_once_a_day(github, github_line):
    github.add_pull()
    await send(github_line, github, github.add_run(log=RED))
    await send(github_line, github, github.add_run(log=RED, sha="2" * 40))
    assert len(github.calls("POST", "/check-runs")) == 1
    assert len(comments(github)) == 1
    async with github_line.context.database.transaction() as session:
        (told,) = await checks.refusals(session, datetime.now(UTC) - timedelta(hours=1))
    assert told[:2] == ("github", "acme/shop")
    assert "GitHub App" in told[2]
