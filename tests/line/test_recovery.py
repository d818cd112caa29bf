"""What webhooks should have told and did not: found by a sweep, healed once, left alone if old."""

import asyncio
import time
from datetime import timedelta

import psycopg
import pytest
from tests.fakes.github import deliveries as hooks
from tests.fakes.github.deliveries import add_hook, ago, record
from tests.fakes.github.server import FakeGitHub
from tests.fakes.gitlab import FakeGitLab
from tests.line.harness import PATIENCE, Line, on_github, running_line
from tests.platforms.github.keys import KEY, PEM

from pipeline_guard import worker
from pipeline_guard.stages.upkeep import recover
from pipeline_guard.stages.upkeep.recover import Sweep, sweep
from pipeline_guard.store.sweeps import alone

DNS = "curl: (6) Could not resolve host: mirror.example\n##[error]Process completed with exit code 6.\n"  # noqa: E501


def execute(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


async def heard_of(line: Line, github: FakeGitHub, url: str, repo: str = "acme/shop") -> None:
    """A green run told us of the repository, three days ago."""
    run = github.add_run(repo, jobs={"tests": "success"}, conclusion="success")
    await line.post("github", *github.webhook("workflow_run", run))
    await line.settle()
    execute(url, "UPDATE deliveries SET received_at = received_at - interval '3 days'")


def red_run(github: FakeGitHub, repo: str = "acme/shop", **ended: float):
    run = github.add_run(repo, log=DNS)
    run.created_at, run.updated_at = ago(hours=20), ago(**(ended or {"minutes": 10}))
    return run


async def swept(line: Line, **how) -> Sweep:
    found = await sweep(line.context, **how)
    assert found is not None
    await line.settle()
    return found


async def hand_over(line: Line, github: FakeGitHub) -> list[int]:
    """What GitHub does with deliveries that were asked for again."""
    codes = []
    while github.world.outbox:
        item = github.world.outbox.pop(0)
        answer = await line.post("github", item.headers, item.body)
        item.status_code = answer.status_code
        codes.append(answer.status_code)
    await line.settle()
    return codes


def asked_again(github: FakeGitHub) -> list[str]:
    return [call.path for call in github.calls("POST", "/attempts$")]


def reruns(github: FakeGitHub) -> list[str]:
    return [call.path for call in github.calls("POST", "/rerun")]


@pytest.fixture
async def app_line(github, database_url, tmp_path, mode):
    """The line as a GitHub App."""
    github.add_repo()
    github.add_app("acme/shop", KEY.public_key())
    async with running_line(
        database_url,
        tmp_path,
        mode=mode,
        github_api_url=github.url,
        github_app_id="1",
        github_private_key=PEM,
        github_webhook_secret=github.secret,
    ) as line:
        yield line


async def test_a_run_that_failed_while_nobody_listened_is_found_and_healed(
    github, github_line, database_url
):
    await heard_of(github_line, github, database_url)
    run = red_run(github)
    found = await swept(github_line)
    assert [item.event.run_id for item in found.runs] == [str(run.id)]
    (failure,) = await github_line.failures()
    assert (failure["category"], failure["status"]) == ("network_transient", "healing")
    assert len(reruns(github)) == 1

    github.finish_run(run)
    await github_line.hurry()
    (failure,) = await github_line.failures()
    assert failure["status"] == "healed"
    assert (await swept(github_line)).runs == []


async def test_after_a_start_the_worker_looks_by_itself(
    github, database_url, tmp_path, monkeypatch
):
    settings = {"mode": "act", **on_github(github)}
    async with running_line(database_url, tmp_path, **settings) as line:
        await heard_of(line, github, database_url)
    red_run(github)
    monkeypatch.setattr(worker, "FIRST_SWEEP_SECONDS", 0.01)
    async with (
        running_line(database_url, tmp_path, **settings) as line,
        running_line(database_url, tmp_path, **settings),
    ):
        deadline = time.monotonic() + PATIENCE
        while not await line.failures() and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        await line.settle()
        (failure,) = await line.failures()
        assert failure["status"] == "healing"
    assert len(reruns(github)) == 1


async def test_a_missed_run_is_fed_once_however_often_it_is_listed(
    github, github_line, database_url
):
    await heard_of(github_line, github, database_url)
    red_run(github)
    first, second = await swept(github_line), await swept(github_line)
    assert (len(first.runs), len(second.runs)) == (1, 0)
    assert len(reruns(github)) == 1
    metrics = (await github_line.client.get("/metrics")).text
    assert 'pipeline_guard_recovered{kind="runs",platform="github"} 1.0' in metrics


async def test_runs_we_were_told_of_and_green_ones_are_not_touched(
    github, github_line, database_url
):
    await heard_of(github_line, github, database_url)
    told = red_run(github)
    await github_line.post("github", *github.webhook("workflow_run", told))
    await github_line.settle()
    green = github.add_run(jobs={"tests": "success"}, conclusion="success")
    green.created_at = green.updated_at = ago(minutes=10)
    before = len(github.calls())
    assert (await swept(github_line)).nothing
    assert {call.path for call in github.calls()[before:]} == {
        "/repos/acme/shop/actions/runs",
        "/repos/acme/shop/hooks",
    }


async def test_old_runs_and_repositories_nobody_told_us_of_are_left_alone(
    github, github_line, database_url
):
    await heard_of(github_line, github, database_url)
    red_run(github, hours=25)
    red_run(github, "acme/other", minutes=10)
    fresh = red_run(github, seconds=5)
    assert (await swept(github_line)).runs == []
    assert await github_line.failures() == []
    fresh.updated_at = ago(minutes=3)
    assert len((await swept(github_line)).runs) == 1


async def test_what_ended_before_a_repository_was_connected_is_left_alone(github, github_line):
    run = github.add_run(jobs={"tests": "success"}, conclusion="success")
    red_run(github, hours=2)
    await github_line.post("github", *github.webhook("workflow_run", run))
    await github_line.settle()
    assert (await swept(github_line)).runs == []


async def test_a_delivery_that_got_502_is_asked_for_once_and_healed(github, app_line):
    run = github.add_run(log=DNS)
    lost = record(github, "workflow_run", run, 502)
    found = await swept(app_line)
    assert [item.delivery_id for item in found.asked] == [lost.guid]
    entries = (await app_line.client.get("/api/v1/audit")).json()["items"]
    assert [entry["details"]["delivery"] for entry in entries] == [lost.guid]
    assert (await swept(app_line)).asked == []
    assert asked_again(github) == [f"/app/hook/deliveries/{lost.id}/attempts"]
    assert await hand_over(app_line, github) == [202]
    (failure,) = await app_line.failures()
    assert failure["status"] == "healing"
    assert (await swept(app_line)).asked == []
    assert len(asked_again(github)) == 1


async def test_only_deliveries_that_matter_and_did_not_arrive_are_asked_for(github, app_line):
    run = github.add_run(log=DNS)
    record(github, "workflow_run", run, 502, action="requested")
    record(github, "workflow_run", run, 202)
    record(github, "workflow_run", run, 502, at=ago(days=4))
    mended = record(github, "workflow_run", run, 502, at=ago(minutes=20))
    again = record(github, "workflow_run", run, 202, at=ago(minutes=19))
    again.guid = mended.guid
    # Stored, though GitHub did not wait for our answer.
    slow = record(github, "workflow_run", run, 0)
    await app_line.post("github", slow.headers, slow.body)
    await app_line.settle()
    assert (await swept(app_line)).asked == []


async def test_a_delivery_that_keeps_failing_is_asked_for_ever_more_rarely_and_then_given_up(
    github, app_line, database_url
):
    record(github, "workflow_run", github.add_run(log=DNS), 502)
    for _ in range(9):
        await swept(app_line)
        for item in github.world.outbox:
            item.status_code = 502
        execute(database_url, "UPDATE redeliveries SET next_at = next_at - interval '30 minutes'")
    assert len(asked_again(github)) == 4
    execute(database_url, "UPDATE redeliveries SET next_at = now()")
    for _ in range(9):
        await swept(app_line)
        execute(database_url, "UPDATE redeliveries SET next_at = now()")
    assert len(asked_again(github)) == 6


async def test_failed_deliveries_of_a_long_list_are_found_page_by_page(github, app_line):
    run = github.add_run(log=DNS)
    lost = record(github, "workflow_run", run, 502, at=ago(hours=5))
    for number in range(230):
        record(github, "workflow_run", run, 202, at=ago(minutes=number))
    found = await swept(app_line)
    assert [item.delivery_id for item in found.asked] == [lost.guid]
    assert len(github.calls("GET", "/app/hook/deliveries")) == 3


async def test_with_a_plain_token_the_repositorys_own_hook_is_asked(
    github, github_line, database_url
):
    await heard_of(github_line, github, database_url)
    ours = add_hook(github, "acme/shop")
    other = add_hook(github, "acme/shop", "https://elsewhere.example/hook")
    run = github.add_run(log=DNS)
    lost = record(github, "workflow_run", run, 502, base=ours)
    record(github, "workflow_run", run, 502, base=other)
    await swept(github_line)
    assert asked_again(github) == [f"{ours}/deliveries/{lost.id}/attempts"]
    assert await hand_over(github_line, github) == [202]
    assert len(await github_line.failures()) == 1


async def test_a_token_that_may_not_read_hooks_still_finds_runs(github, github_line, database_url):
    await heard_of(github_line, github, database_url)
    github.add_token(github.token, github.login, repository_hooks="none")
    red_run(github)
    found = await swept(github_line)
    assert len(found.runs) == 1
    assert "deliveries of acme/shop" in found.notes[0]
    await swept(github_line)
    assert len(github.calls("GET", "/hooks$")) == 1


@pytest.mark.parametrize("mode", ["observe"], indirect=True)
async def test_observe_asks_for_nothing_and_acts_on_nothing(github, app_line, database_url):
    await heard_of(app_line, github, database_url)
    record(github, "workflow_run", red_run(github), 502)
    found = await swept(app_line)
    assert (len(found.runs), found.asked) == (1, [])
    (failure,) = await app_line.failures()
    assert failure["status"] == "observed"
    assert {call.path for call in github.calls("POST")} <= {
        call.path for call in github.calls("POST", "/access_tokens$")
    }


async def test_a_dry_run_tells_and_does_nothing(github, app_line, database_url):
    await heard_of(app_line, github, database_url)
    record(github, "workflow_run", red_run(github), 502)
    for _ in range(2):
        found = await swept(app_line, dry_run=True)
        assert (len(found.runs), len(found.asked)) == (1, 1)
    assert asked_again(github) == []
    assert await app_line.failures() == []
    assert len((await swept(app_line)).asked) == 1


async def test_replicas_sweep_one_at_a_time_and_once_a_round(github, github_line, database_url):
    await heard_of(github_line, github, database_url)
    red_run(github)
    every = timedelta(minutes=4)
    results = await asyncio.gather(*(sweep(github_line.context, every=every) for _ in range(5)))
    assert sum(item is not None for item in results) == 1
    assert await sweep(github_line.context, every=every) is None
    execute(database_url, "UPDATE sweeps SET until = until - interval '5 minutes'")
    assert await sweep(github_line.context, every=every) is not None
    async with alone(github_line.context.database) as ours:
        assert ours
        assert await sweep(github_line.context) is None
    await github_line.settle()
    assert len(reruns(github)) == 1


async def test_a_limit_stops_the_sweep_and_the_next_one_goes_on(github, github_line, database_url):
    await heard_of(github_line, github, database_url)
    red_run(github)
    github.limit("GET", "/actions/runs$", after=60)
    found = await swept(github_line)
    assert found.runs == []
    assert "next sweep" in found.notes[0]
    assert len((await swept(github_line)).runs) == 1


async def test_a_repository_that_is_gone_does_not_keep_the_others_waiting(
    github, github_line, database_url
):
    await heard_of(github_line, github, database_url, "acme/gone")
    await heard_of(github_line, github, database_url)
    del github.world.repos["acme/gone"]
    red_run(github)
    found = await swept(github_line)
    assert [item.event.repository for item in found.runs] == ["acme/shop"]
    assert any("acme/gone" in note for note in found.notes)


async def test_what_is_too_much_for_one_sweep_is_left_to_the_next(
    github, github_line, database_url, monkeypatch
):
    monkeypatch.setattr(recover, "MOST_FED", 1)
    await heard_of(github_line, github, database_url)
    late, early = red_run(github, minutes=10), red_run(github, minutes=90)
    found = [(await swept(github_line)).runs for _ in range(3)]
    assert [[item.event.run_id for item in runs] for runs in found] == [
        [str(early.id)],
        [str(late.id)],
        [],
    ]


async def test_a_pipeline_that_failed_while_nobody_listened_is_found_and_retried(
    gitlab: FakeGitLab, gitlab_line: Line, database_url
):
    project = gitlab.add_project("acme/shop")
    green = gitlab.add_pipeline(project)
    hook = gitlab.pipeline_hook(green)
    await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()
    execute(database_url, "UPDATE deliveries SET received_at = received_at - interval '3 days'")
    old, missed = (gitlab.add_pipeline(project) for _ in range(2))
    old.updated_at, missed.updated_at = hooks.ago(hours=30), hooks.ago(minutes=10)
    for pipeline in (old, missed):
        gitlab.add_job(pipeline, "test", status="failed", trace=DNS.encode())
    found = await swept(gitlab_line)
    assert [item.event.run_id for item in found.runs] == [str(missed.id)]
    (failure,) = await gitlab_line.failures()
    assert (failure["run_id"], failure["status"]) == (str(missed.id), "healing")
    assert len(gitlab.calls("POST", "/retry")) == 1
    assert (await swept(gitlab_line)).nothing
