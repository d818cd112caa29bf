"""GitHub Actions, payload to outcome."""

import asyncio

import psycopg
import pytest
from tests.fakes.github.server import SHA, FakeGitHub
from tests.line.harness import Line

from pipeline_guard.store import job_logs

DNS = "##[group]Run make\ncurl: (6) Could not resolve host: mirror.example\n##[error]Process completed with exit code 6.\n"  # noqa: E501
RED = "FAILED tests/test_sum.py::test_sum - assert 3 == 4\n=== 1 failed, 8 passed in 0.20s ===\n##[error]Process completed with exit code 1.\n"  # noqa: E501


async def send(line: Line, github: FakeGitHub, run, event: str = "workflow_run", **more) -> dict:
    answer = await line.post("github", *github.webhook(event, run, **more))
    await line.settle()
    return {"code": answer.status_code, **answer.json()}


def comments(github: FakeGitHub) -> list[str]:
    return [c.body for repo in github.world.repos.values() for c in repo.comments.values()]


def reruns(github: FakeGitHub) -> list[str]:
    return [call.path for call in github.calls("POST", "/rerun")]


async def test_a_transient_failure_is_re_run_healed_and_told_in_one_comment(github, github_line):
    github.add_pull()
    run = github.add_run(log=DNS, pulls=())
    assert (await send(github_line, github, run))["status"] == "accepted"
    (failure,) = await github_line.failures()
    assert (failure["category"], failure["status"]) == ("network_transient", "healing")
    assert reruns(github) == [f"/repos/acme/shop/actions/runs/{run.id}/rerun-failed-jobs"]
    assert len(comments(github)) == 1

    github.finish_run(run)
    await send(github_line, github, run)
    (failure,) = await github_line.failures()
    assert (failure["status"], failure["actions"][0]["outcome"]) == ("healed", "healed")
    (body,) = comments(github)
    assert "Not your change" in body


async def test_of_two_requests_with_one_head_the_one_that_the_event_names_has_the_comment(
    github, github_line
):
    first, second = github.add_pull(), github.add_pull()
    run = github.add_run(log=RED, pulls=(second.number,))
    headers, body = github.webhook("workflow_run", run)
    run.pulls = [first.number, second.number]
    await github_line.post("github", headers, body)
    await github_line.settle()
    (comment,) = github.world.repos["acme/shop"].comments.values()
    assert comment.number == second.number


async def test_a_genuine_failure_is_explained_and_left_alone(github, github_line):
    github.add_pull()
    await send(github_line, github, github.add_run(log=RED))
    (failure,) = await github_line.failures()
    assert (failure["category"], failure["status"]) == ("test_failure", "open")
    assert failure["failed_tests"] == ["tests/test_sum.py::test_sum"]
    assert "test_sum" in failure["evidence"][0]["text"]
    assert reruns(github) == []
    (body,) = comments(github)
    assert "**Yours" in body


async def test_the_same_delivery_a_hundred_times_at_once_is_one_failure_and_one_action(
    github, github_line
):
    run = github.add_run(log=DNS)
    headers, body = github.webhook("workflow_run", run)
    answers = await asyncio.gather(*(github_line.post("github", headers, body) for _ in range(100)))
    assert sorted({answer.status_code for answer in answers}) == [200, 202]
    assert sum(answer.status_code == 202 for answer in answers) == 1
    await github_line.settle()
    (failure,) = await github_line.failures()
    assert len(failure["actions"]) == 1
    assert len(reruns(github)) == 1


async def test_all_events_about_one_failed_run_end_in_one_action(github, github_line):
    run = github.add_run(log=DNS)
    for event in ("workflow_job", "check_run", "workflow_run"):
        await send(github_line, github, run, event)
    assert len(await github_line.failures()) == 1
    assert len(reruns(github)) == 1


@pytest.mark.parametrize("mode", ["observe"], indirect=True)
async def test_observe_acts_on_nothing_and_records_what_it_would_have_done(github, github_line):
    github.add_pull()
    await send(github_line, github, github.add_run(log=DNS))
    (failure,) = await github_line.failures()
    assert failure["status"] == "observed"
    assert failure["plan"]["steps"][0]["kind"] == "rerun"
    assert {call.method for call in github.calls()} == {"GET"}


@pytest.mark.parametrize("mode", ["suggest"], indirect=True)
async def test_suggest_comments_but_re_runs_nothing(github, github_line):
    github.add_pull()
    await send(github_line, github, github.add_run(log=DNS))
    assert reruns(github) == []
    (body,) = comments(github)
    assert "Not your change" in body
    assert "Suggested: re-run; `/guard retry` does it." in body


async def test_at_most_two_re_runs_and_one_comment_for_a_job_that_stays_red(github, github_line):
    github.add_pull()
    run = github.add_run(log=DNS)
    for _ in range(5):
        await send(github_line, github, run)
        await github_line.hurry()
        github.finish_run(run, "failure", DNS)
    assert len(reruns(github)) == 2
    assert [item["status"] for item in await github_line.failures()] == ["escalated"] * 3
    (body,) = comments(github)
    assert "still red" in body


async def test_a_second_re_run_waits_and_the_wait_is_kept_in_the_database(github, github_line):
    run = github.add_run(log=DNS)
    await send(github_line, github, run)
    github.finish_run(run, "failure", DNS)
    await send(github_line, github, run)
    assert len(reruns(github)) == 1
    assert "act_later" in {task for task, _ in await github_line.waiting()}
    *_, failure = await github_line.failures()
    assert 30 <= failure["plan"]["steps"][0]["params"]["wait"] <= 90
    await github_line.hurry()
    assert len(reruns(github)) == 2


async def test_a_deploy_is_never_re_run_not_even_beside_a_transient_job(github, github_line):
    run = github.add_run(log=DNS, jobs={"tests": "failure", "deploy": "failure"})
    await send(github_line, github, run)
    tests, deploy = await github_line.failures()
    assert (tests["status"], deploy["status"]) == ("healing", "open")
    assert reruns(github) == [f"/repos/acme/shop/actions/jobs/{run.attempts[0][0].id}/rerun"]
    assert "never_rerun" in {item["guard"] for item in deploy["plan"]["refusals"]}


async def test_a_superseded_commit_is_left_alone(github, github_line):
    run = github.add_run(log=DNS)
    github.add_repo(feature="2" * 40)
    await send(github_line, github, run)
    (failure,) = await github_line.failures()
    assert failure["status"] == "superseded"
    assert reruns(github) == []


async def test_a_run_that_we_caused_ourselves_is_not_answered(github, github_line):
    await send(github_line, github, github.add_run(log=DNS, actor=github.login))
    assert reruns(github) == []
    (failure,) = await github_line.failures()
    assert "own_actor" in {item["guard"] for item in failure["plan"]["refusals"]}


async def test_the_pull_request_of_a_fork_is_found_by_its_commit(github, github_line):
    github.add_pull(head_repo="someone/shop", branch="patch-1")
    run = github.add_run(log=RED, branch="patch-1", head_repo="someone/shop", event="pull_request")
    await send(github_line, github, run)
    assert len(comments(github)) == 1


@pytest.mark.parametrize("status", [403, 409, 422])
async def test_a_failure_whose_log_is_refused_is_told_all_the_same(github, github_line, status):
    github.add_pull()
    github.fail("GET", "/logs", status, times=9)
    await send(github_line, github, github.add_run(log=RED))
    (failure,) = await github_line.failures()
    assert (failure["category"], failure["status"]) == ("unknown", "open")
    (body,) = comments(github)
    assert "there is no log to tell the cause" in body
    assert f"GitHub answered {status}" in body


async def test_annotations_are_read_when_there_is_no_log(github, github_line):
    run = github.add_run()
    run.jobs[0].log = None
    text = "The hosted runner lost communication with the server."
    run.jobs[0].annotations = [
        {"path": ".github", "annotation_level": "failure", "message": text, "title": ""}
    ]
    await send(github_line, github, run)
    (failure,) = await github_line.failures()
    assert failure["category"] == "infra_runner"


async def test_a_failure_without_log_or_remarks_is_kept_as_unknown(github, github_line):
    run = github.add_run()
    run.jobs[0].log = None
    await send(github_line, github, run)
    (failure,) = await github_line.failures()
    assert (failure["category"], failure["status"]) == ("unknown", "open")


async def test_a_re_run_that_answers_502_after_all_is_not_asked_for_twice(github, github_line):
    run = github.add_run(log=DNS)
    github.fail("POST", "/rerun-failed-jobs", 502, after=True)
    await send(github_line, github, run)
    await github_line.hurry()
    assert run.attempt == 2
    (failure,) = await github_line.failures()
    assert failure["status"] == "healing"


async def test_a_re_run_that_cannot_be_asked_for_is_handed_to_a_person_in_the_end(
    github, github_line, monkeypatch, database_url
):
    async def broken(*_, **__):
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(github_line.context.platforms["github"].platform, "rerun", broken)
    await send(github_line, github, github.add_run(log=DNS))
    for _ in range(3):
        with psycopg.connect(database_url) as connection:  # no call is in doubt for so long
            connection.execute("UPDATE actions SET created_at = created_at - interval '1 min'")
        await github_line.hurry()
    (failure,) = await github_line.failures()
    assert failure["status"] == "escalated"
    assert "a bug of ours" in failure["actions"][0]["note"]


async def test_a_refused_re_run_is_handed_to_a_person_with_the_reason(github, github_line):
    github.fail("POST", "/rerun", 422, body={"message": "This run is too old."})
    await send(github_line, github, github.add_run(log=DNS))
    (failure,) = await github_line.failures()
    assert failure["status"] == "escalated"
    assert failure["actions"][0]["status"] == "failed"
    assert "too old" in failure["actions"][0]["note"]


async def test_when_the_api_is_away_the_delivery_waits_and_is_not_lost(github, github_line):
    run = github.add_run(log=DNS)
    github.fail("GET", f"/actions/runs/{run.id}$", 503, times=4)
    answer = await send(github_line, github, run)
    waiting = await github_line.delivery(answer["delivery"])
    assert waiting["status"] == "accepted"
    assert "PlatformUnavailable" in waiting["note"]
    for _ in range(3):
        await github_line.hurry()
    (failure,) = await github_line.failures()
    assert failure["status"] == "healing"


async def test_an_unfinished_run_is_looked_at_again_without_another_webhook(github, github_line):
    run = github.add_run(log=DNS, jobs={"tests": "failure", "slow": "failure"})
    run.conclusion, run.jobs[1].conclusion = None, None
    await send(github_line, github, run, "workflow_job")
    assert await github_line.failures() == []
    github.finish_run(run, "success")
    run.conclusion = "failure"
    await github_line.hurry()
    (failure,) = await github_line.failures()
    assert (failure["job"], failure["status"]) == ("tests", "healing")


async def test_the_end_of_a_re_run_is_found_when_its_webhook_is_lost(github, github_line):
    run = github.add_run(log=DNS)
    await send(github_line, github, run)
    github.finish_run(run)
    await github_line.hurry()
    (failure,) = await github_line.failures()
    assert failure["status"] == "healed"


async def test_secrets_in_a_log_reach_neither_store_nor_comment(github, github_line, database_url):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    github.add_pull()
    log = f"curl: (6) Could not resolve host: {secret}.mirror.example\ntoken {secret}\n"
    await send(github_line, github, github.add_run(log=log + DNS))
    with psycopg.connect(database_url) as connection:
        stored = connection.execute("SELECT failures::text FROM failures").fetchall()
    assert secret not in str(stored)
    assert secret not in "".join(comments(github))


async def test_markup_and_mentions_from_a_log_are_inert(github, github_line):
    github.add_pull()
    nasty = "```\n@everyone <script>alert(1)</script> curl: (6) Could not resolve host: a.example"
    await send(github_line, github, github.add_run(log=nasty + "\n" + DNS, sha=SHA))
    (body,) = comments(github)
    outside = "".join(body.split("```")[::2])
    assert "@everyone" not in outside
    assert "<script>" not in outside


async def test_the_log_is_kept_readable_beside_its_failure(github, github_line):
    secret = "ghp_" + "a1B2" * 9
    await send(github_line, github, github.add_run(log=f"{DNS}token {secret}\n"))
    (failure,) = await github_line.failures()
    async with github_line.context.database.transaction() as session:
        kept = await job_logs.get(session, failure["id"])
        lines = await job_logs.lines(session, failure["id"], "", 2, 4)
    assert (kept.lines, kept.outline[0]["path"]) == (4, ["Run make"])
    assert lines[0] == (2, "curl: (6) Could not resolve host: mirror.example")
    assert secret not in lines[2][1]
