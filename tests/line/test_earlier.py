"""Attempts that nobody told us of: what failed in them is known all the same, and left alone."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.world import Run
from tests.fakes.gitlab import FakeGitLab
from tests.line.harness import Line
from tests.line.test_github import DNS, RED, comments, reruns, send
from tests.line.test_gitlab import red_pipeline

from pipeline_guard.stages.diagnose.earlier import MOST_JOBS, unknown


def re_run_by_a_person(github: FakeGitHub, run: Run, conclusion: str = "success") -> None:
    """Before any delivery about the attempt before came here."""
    ended = f"{datetime.now(UTC) - timedelta(minutes=3):%Y-%m-%dT%H:%M:%SZ}"
    for job in run.jobs:
        job.completed_at = ended
    github.world.rerun(run, None, "dev")
    github.finish_run(run, conclusion, RED)
    run.updated_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def readings(github: FakeGitHub) -> int:
    return len(github.calls("GET", "/attempts/1/jobs"))


def settled(database_url: str) -> list[tuple[bool | None, ...]]:
    """(what the next attempt said, what the newest said) of each failure, by attempt."""
    with psycopg.connect(database_url) as connection:
        return connection.execute(
            "SELECT next_passed, rerun_passed FROM failures ORDER BY run_attempt, id"
        ).fetchall()


async def test_a_flake_that_was_green_again_before_we_came_is_known_and_left_alone(
    github, github_line, database_url
):
    github.add_pull()
    run = github.add_run(log=RED)
    re_run_by_a_person(github, run)
    await send(github_line, github, run)
    (failure,) = await github_line.failures()
    assert (failure["run_attempt"], failure["status"]) == (1, "healed")
    assert failure["category"] in ("test_failure", "flaky_test")
    assert failure["failed_tests"] == ["tests/test_sum.py::test_sum"]
    assert failure["plan"]["steps"] == []
    assert [item["guard"] for item in failure["plan"]["refusals"]] == ["newer_attempt"]
    assert failure["actions"] == []
    assert reruns(github) == []
    (body,) = comments(github)
    assert "the re-run passed" in body
    with psycopg.connect(database_url) as connection:
        waited = connection.execute("SELECT settled_at - created_at FROM failures").fetchone()
    assert waited is not None
    assert timedelta(minutes=2) < waited[0] < timedelta(minutes=4), "from its end, not from now"
    page = (await github_line.client.get("/insights")).text
    assert "tests/test_sum.py::test_sum" in page, "it ranks among the flaky tests"


async def test_it_counts_when_the_same_fails_next(github, github_line):
    run = github.add_run(log=DNS)
    re_run_by_a_person(github, run)
    await send(github_line, github, run)
    await send(github_line, github, github.add_run(log=DNS, sha="3" * 40, branch="third"))
    *_, failure = await github_line.failures()
    (known,) = failure["plan"]["facts"]["choice"]["levels"][-1:]
    assert (known["passed"], known["ended"]) == (1, 1)


async def test_what_is_known_is_not_read_again(github, github_line):
    run = github.add_run(log=RED)
    re_run_by_a_person(github, run)
    await send(github_line, github, run)
    calls = len(github.calls())
    answer = await send(github_line, github, run)
    assert answer["status"] == "accepted", "GitHub gave it another id"
    assert len(github.calls()) == calls
    assert readings(github) == 1

    run = github.add_run(log=RED, sha="2" * 40)
    await send(github_line, github, run)
    re_run_by_a_person(github, run)
    await send(github_line, github, run)
    assert readings(github) == 2, "the second run's was read when it was the newest"


async def test_a_red_newest_attempt_is_decided_on_and_the_earlier_one_is_not(
    github, github_line, database_url
):
    run = github.add_run(log=DNS)
    re_run_by_a_person(github, run, "failure")
    re_run_by_a_person(github, run, "failure")
    for event in ("workflow_job", "workflow_run"):
        await send(github_line, github, run, event)
    found = {item["run_attempt"]: item for item in await github_line.failures()}
    assert {number: item["status"] for number, item in found.items()} == {
        1: "open", 2: "open", 3: "open",
    }  # fmt: skip
    assert "newer_attempt" not in {item["guard"] for item in found[3]["plan"]["refusals"]}
    assert settled(database_url) == [(False, False), (False, False), (None, None)]
    assert readings(github) == 1


async def test_each_attempt_is_told_by_the_one_that_followed_it(github, github_line, database_url):
    run = github.add_run(log=DNS)
    await send(github_line, github, run)
    assert len(reruns(github)) == 1
    github.finish_run(run, "failure", DNS)
    re_run_by_a_person(github, run)
    await send(github_line, github, run)
    first, second = sorted(await github_line.failures(), key=lambda item: item["run_attempt"])
    assert (first["status"], second["status"]) == ("healed", "healed")
    assert first["actions"][0]["outcome"] == "failed_again", "ours did, a person's did not"
    assert settled(database_url) == [(False, True), (True, True)]


async def test_few_jobs_of_an_attempt_are_read_and_none_that_is_too_old(github, github_line):
    run = github.add_run(log=RED, jobs={f"job-{n:02}": "failure" for n in range(MOST_JOBS + 5)})
    re_run_by_a_person(github, run)
    await send(github_line, github, run)
    assert len(await github_line.failures()) == MOST_JOBS

    old = github.add_run(log=RED, sha="2" * 40)
    re_run_by_a_person(github, old)
    for job in old.attempts[0]:
        job.completed_at = f"{datetime.now(UTC) - timedelta(days=181):%Y-%m-%dT%H:%M:%SZ}"
    await send(github_line, github, old)
    assert len(await github_line.failures()) == MOST_JOBS


async def test_a_limit_is_waited_for_and_what_is_forgotten_is_left_out(github, github_line):
    run = github.add_run(log=RED)
    re_run_by_a_person(github, run)
    github.limit("GET", "/attempts/1/jobs", after=60)
    await send(github_line, github, run)
    assert await github_line.failures() == []
    await github_line.hurry()
    assert [item["status"] for item in await github_line.failures()] == ["healed"]

    run = github.add_run(log=RED, sha="2" * 40)
    re_run_by_a_person(github, run, "failure")
    github.fail("GET", "/attempts/1/jobs", 404)
    await send(github_line, github, run)
    assert [item["run_attempt"] for item in await github_line.failures()] == [1, 2]


@pytest.mark.parametrize("mode", ["observe"], indirect=True)
async def test_observe_records_it_and_says_nothing(github, github_line, database_url):
    github.add_pull()
    run = github.add_run(log=RED)
    re_run_by_a_person(github, run)
    await send(github_line, github, run)
    (failure,) = await github_line.failures()
    assert failure["status"] == "observed"
    assert settled(database_url) == [(True, True)]
    assert comments(github) == []


async def test_gitlab_s_own_retry_hides_no_flake_of_which_the_failed_job_told(
    gitlab: FakeGitLab, gitlab_line: Line, database_url: str
):
    _, _, pipeline, job = red_pipeline(gitlab, b"FAILED tests/test_sum.py::test_sum - assert 3\n")
    failed = gitlab.job_hook(job)
    gitlab.world.retry(job, "dev")
    gitlab.finish(pipeline)
    await gitlab_line.post("gitlab", failed.headers, failed.body)
    await gitlab_line.settle()
    (failure,) = await gitlab_line.failures()
    assert (failure["run_attempt"], failure["status"]) == (1, "healed")
    assert failure["failed_tests"] == ["tests/test_sum.py::test_sum"]
    assert settled(database_url) == [(True, True)]
    assert gitlab.calls("POST", "/retry") == []


async def test_gitlab_s_own_retry_hides_no_flake_from_the_green_pipeline_s_hook_alone(
    gitlab: FakeGitLab, gitlab_line: Line, database_url: str
):
    _, request, pipeline, job = red_pipeline(gitlab, b"FAILED tests/test_sum.py::test_sum - 3\n")
    gitlab.add_job(pipeline, "lint")
    gitlab.world.retry(job, "dev")
    gitlab.finish(pipeline)
    for _ in range(2):
        hook = gitlab.pipeline_hook(pipeline)
        await gitlab_line.post("gitlab", hook.headers, hook.body)
        await gitlab_line.settle()
        (failure,) = await gitlab_line.failures()
        assert (failure["job"], failure["run_attempt"], failure["status"]) == ("test", 1, "healed")
    assert failure["failed_tests"] == ["tests/test_sum.py::test_sum"]
    assert [item["guard"] for item in failure["plan"]["refusals"]] == ["newer_attempt"]
    assert settled(database_url) == [(True, True)]
    (note,) = gitlab.notes(request)
    assert "the re-run passed" in note.body
    page = (await gitlab_line.client.get("/insights")).text
    assert "tests/test_sum.py::test_sum" in page, "it ranks among the flaky tests"
    assert len(gitlab.calls("GET", f"/jobs/{job.id}/trace")) == 1, "what is known is not read again"
    assert gitlab.calls("POST", "/retry") == []


async def test_a_later_gitlab_job_s_first_try_is_read_though_an_earlier_job_s_is_known(
    gitlab: FakeGitLab, gitlab_line: Line
):
    _, _, pipeline, _ = red_pipeline(gitlab, b"curl: (6) Could not resolve host: mirror.example\n")
    later = gitlab.add_job(pipeline, "smoke", status="skipped")
    hook = gitlab.pipeline_hook(pipeline)
    await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()
    assert len(gitlab.calls("POST", "/retry")) == 1
    later.status, later.trace = "failed", b"FAILED tests/test_smoke.py::test_it - 3\n"
    gitlab.world.retry(later, "dev")
    gitlab.finish(pipeline)
    hook = gitlab.pipeline_hook(pipeline)
    await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()
    found = [(item["job"], item["status"]) for item in await gitlab_line.failures()]
    assert found == [("test", "healed"), ("smoke", "healed")]


async def test_a_green_gitlab_pipeline_without_retries_costs_no_call(
    gitlab: FakeGitLab, gitlab_line: Line
):
    pipeline = gitlab.add_pipeline(gitlab.add_project("acme/shop"))
    for name in ("lint", "test"):
        gitlab.add_job(pipeline, name)
    hook = gitlab.pipeline_hook(pipeline)
    await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()
    assert gitlab.calls("GET") == []
    assert (await gitlab_line.notes()) == [
        "processed: The run is green and no failure was waiting for it."
    ]


async def test_a_gitlab_job_run_again_though_green_is_no_failure(gitlab, gitlab_line):
    pipeline = gitlab.add_pipeline(gitlab.add_project("acme/shop"))
    gitlab.world.retry(gitlab.add_job(pipeline, "test"), "dev")
    gitlab.finish(pipeline)
    hook = gitlab.pipeline_hook(pipeline)
    await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()
    assert await gitlab_line.failures() == []
    assert gitlab.calls("GET", "/trace") == []


def test_the_newest_few_are_read_and_none_before_one_that_is_known():
    assert unknown(1, set()) == []
    assert unknown(9, set()) == [6, 7, 8]
    assert unknown(3, {1}) == [2]
    assert unknown(9, {5, 7}) == [8]
    assert unknown(3, {2}) == []
    assert unknown(3, {1, 3}) == []
