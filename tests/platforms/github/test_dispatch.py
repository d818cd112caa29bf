"""Dispatches with another runner: asked for once, also when the answer is lost."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes.github import FakeGitHub, Run
from tests.fakes.github.workflows import PATH
from tests.platforms.github.test_rerun import read
from tests.platforms.github.test_workflow import GOOD

from pipeline_guard.errors import (
    Conflict,
    NotAuthorized,
    NotFound,
    PlatformUnavailable,
    RateLimited,
    Rejected,
)
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.credentials import TokenCredentials

SPARE = {"runner": "spare"}


@pytest.fixture
def failed(fake: FakeGitHub) -> Run:
    made = fake.add_run()
    made.repo.files[PATH] = GOOD.encode()
    return made


def now() -> datetime:
    return datetime.now(UTC)


def others(fake: FakeGitHub) -> list[Run]:
    runs = fake.world.repos["acme/shop"].runs.values()
    return [run for run in runs if run.event == "workflow_dispatch"]


async def against(github: GitHub, made: Run, label: str = "spare") -> str | None:
    run = await read(github, made)
    return await github.against_other_runner(run, "runner", label, lambda name: False)


async def test_the_new_run_is_known_by_its_id(
    fake: FakeGitHub, github: GitHub, failed: Run
) -> None:
    made = await github.dispatch(await read(github, failed), SPARE, now())
    (other,) = others(fake)
    assert (made.run_id, made.commit) == (str(other.id), failed.sha)
    assert made.url is not None
    assert made.url.endswith(f"/actions/runs/{other.id}")
    (call,) = fake.calls("POST")
    assert call.path == "/repos/acme/shop/actions/workflows/5/dispatches"
    assert call.body == {"ref": "feature", "inputs": SPARE, "return_run_details": True}


@pytest.mark.parametrize(("style", "calls"), [("silence", 1), ("strict", 2)])
async def test_an_older_server_tells_no_id_and_the_run_is_found(
    fake: FakeGitHub, github: GitHub, failed: Run, style: str, calls: int
) -> None:
    fake.world.dispatches = style
    made = await github.dispatch(await read(github, failed), SPARE, now())
    (other,) = others(fake)
    assert (made.run_id, made.commit) == (str(other.id), failed.sha)
    assert len(fake.calls("POST")) == calls


async def test_a_run_that_does_not_show_yet_is_looked_for_again(
    fake: FakeGitHub, github: GitHub, failed: Run
) -> None:
    fake.world.dispatches = "silence"
    fake.fail("GET", "/workflows/5/runs", 200, body={"workflow_runs": []})
    run, since = await read(github, failed), now()
    with pytest.raises(PlatformUnavailable, match="does not show yet"):
        await github.dispatch(run, SPARE, since)
    found = await github.find_dispatched(run, since)
    assert found is not None
    assert found.run_id == str(others(fake)[0].id)


async def test_a_lost_answer_is_looked_up(fake: FakeGitHub, github: GitHub, failed: Run) -> None:
    fake.fail("POST", "/dispatches", 502, after=True)
    made = await github.dispatch(await read(github, failed), SPARE, now())
    assert [made.run_id] == [str(run.id) for run in others(fake)]
    assert len(fake.calls("POST")) == 1


async def test_that_it_was_made_is_known_without_its_commit(
    fake: FakeGitHub, github: GitHub, failed: Run
) -> None:
    run = await read(github, failed)
    fake.fail("GET", "/actions/runs/", 404)
    made = await github.dispatch(run, SPARE, now())
    assert (made.run_id, made.commit) == (str(others(fake)[0].id), None)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, NotAuthorized),
        (403, NotAuthorized),
        (404, NotFound),
        (409, Conflict),
        (422, Rejected),
        (500, PlatformUnavailable),
        (502, PlatformUnavailable),
    ],
)
async def test_an_answer_that_is_none(
    fake: FakeGitHub, github: GitHub, failed: Run, status: int, error: type[Exception]
) -> None:
    run = await read(github, failed)
    fake.fail("POST", "/dispatches", status, times=math.inf)
    with pytest.raises(error):
        await github.dispatch(run, SPARE, now())
    assert others(fake) == []
    assert len(fake.calls("POST")) == 1


async def test_a_limit_is_waited_for_by_the_queue(
    fake: FakeGitHub, github: GitHub, failed: Run
) -> None:
    run = await read(github, failed)
    fake.limit("POST", "/dispatches", after=60, status=429)
    with pytest.raises(RateLimited):
        await github.dispatch(run, SPARE, now())


async def test_only_what_we_dispatched_for_this_commit_since_then_is_found(
    fake: FakeGitHub, github: GitHub, failed: Run
) -> None:
    run, since = await read(github, failed), now()
    moment = f"{since:%Y-%m-%dT%H:%M:%SZ}"
    ours = {"event": "workflow_dispatch", "actor": fake.login, "sha": failed.sha}
    for other in ({"actor": "ann"}, {"event": "push"}, {"sha": "2" * 40}, {"branch": "main"}):
        fake.add_run(**(ours | other)).created_at = moment
    fake.add_run(**ours).created_at = f"{since - timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
    assert await github.find_dispatched(run, since) is None
    mine = fake.add_run(**ours)
    mine.created_at = moment
    fake.add_run(**ours).created_at = moment
    found = await github.find_dispatched(run, since)
    assert found is not None
    assert found.run_id == str(mine.id)


async def test_the_workflow_is_read_as_it_is_at_the_runs_commit(
    fake: FakeGitHub, github: GitHub, failed: Run
) -> None:
    assert await against(github, failed) is None
    assert "not among the options" in str(await against(github, failed, "big"))
    failed.repo.files_at[failed.sha] = {PATH: b"on: push\njobs: {tests: {}}\n"}
    assert "cannot be dispatched" in str(await against(github, failed))
    failed.repo.files_at[failed.sha] = {PATH: b"\xff"}
    assert "no UTF-8 text" in str(await against(github, failed))
    failed.repo.files_at.clear()
    del failed.repo.files[PATH]
    assert "is not there" in str(await against(github, failed))


async def test_a_run_of_a_request_needs_no_look_at_the_workflow(
    fake: FakeGitHub, github: GitHub, failed: Run
) -> None:
    fake.add_pull()
    assert "belongs to request" in str(await against(github, failed))
    assert fake.calls("GET", "/contents/") == []


async def test_who_cannot_tell_who_they_are_dispatch_nothing(fake: FakeGitHub, failed: Run) -> None:
    fake.add_token("actions", "github-actions[bot]")
    github = GitHub(Client(fake.url, TokenCredentials("actions"), retry_wait=0))
    assert "Who we are" in str(await against(github, failed))
    await github.aclose()
