"""A re-run of ours that a newer commit has replaced is stopped, if the policy wants that."""

from collections.abc import AsyncIterator

import pytest
from tests.fakes.github import FakeGitHub
from tests.line.harness import Guarded, Line
from tests.line.test_github import DNS, send


@pytest.fixture
async def line(guarded: Guarded, request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    cancel = getattr(request, "param", "cancel: {enabled: true}")
    async with guarded(f"mode: act\n{cancel}\n") as running:
        yield running


async def replaced(line: Line, github: FakeGitHub, **run):
    """A re-run of ours under way, and a newer commit of its request."""
    pull = github.add_pull()
    run = github.add_run(log=DNS, pulls=(pull.number,), **run)
    await send(line, github, run)
    pull.sha = "2" * 40
    github.add_repo(feature=pull.sha)
    return run


async def test_it_is_cancelled_once_and_settled(github, line):
    run = await replaced(line, github)
    await line.hurry()
    assert run.conclusion == "cancelled"
    await send(line, github, run)
    await line.hurry()
    (failure,) = await line.failures()
    assert failure["status"] == "superseded"
    assert [(item["kind"], item["status"]) for item in failure["actions"]] == [
        ("rerun", "done"),
        ("cancel", "done"),
    ]
    assert len(github.calls("POST", f"/{run.id}/cancel")) == 1


async def test_the_newest_commit_is_let_run(github, line):
    run = github.add_run(log=DNS)
    await send(line, github, run)
    await line.hurry()
    assert run.conclusion is None


@pytest.mark.parametrize("line", [""], indirect=True)
async def test_off_by_default(github, line):
    run = await replaced(line, github)
    await line.hurry()
    assert run.conclusion is None


async def test_what_deploys_is_never_stopped(github, line):
    run = await replaced(line, github, jobs={"tests": "failure", "deploy": "success"})
    await line.hurry()
    assert run.attempt == 2
    assert run.conclusion is None


async def test_what_has_an_environment_is_never_stopped_whatever_it_is_called(github, line):
    workflow = b"jobs: {tests: {}, ship: {environment: production}}"
    github.add_repo().files[".github/workflows/ci.yml"] = workflow
    run = await replaced(line, github, jobs={"tests": "failure", "ship": "success"})
    await line.hurry()
    assert run.attempt == 2
    assert run.conclusion is None
