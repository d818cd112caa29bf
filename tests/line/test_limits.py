"""A platform whose calls are used up is left alone by everybody."""

import time
from datetime import timedelta

import psycopg
from tests.line.test_github import DNS, reruns, send


async def test_a_limit_told_to_one_job_keeps_all_from_calling(github, github_line, database_url):
    github.limit("GET", "/actions/runs/", after=600)
    await send(github_line, github, github.add_run(log=DNS))
    calls = len(github.calls())
    await send(github_line, github, github.add_run(log=DNS, sha="2" * 40, branch="other"))
    assert len(github.calls()) == calls
    assert "left alone until" in (await github_line.notes())[0]
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE platform_limits SET paused_until = now()")
    await github_line.hurry()
    assert len(reruns(github)) == 2


async def test_the_last_calls_of_a_window_are_left_to_others(github, github_line):
    reset = {"x-ratelimit-remaining": "90", "x-ratelimit-reset": str(int(time.time()) + 900)}
    run = github.add_run(log=DNS)
    github.fail("GET", f"/actions/runs/{run.id}$", 404, headers=reset)
    await send(github_line, github, run)
    calls = len(github.calls())
    await send(github_line, github, github.add_run(log=DNS, sha="2" * 40, branch="other"))
    assert len(github.calls()) == calls
    await github_line.hurry()
    assert len(reruns(github)) == 1


async def test_reads_that_find_nothing_new_do_not_count_against_the_limit(github, github_line):
    github.add_pull()
    run = github.add_run(log=DNS)
    await send(github_line, github, run)
    github.finish_run(run)
    await send(github_line, github, run)
    assert [item["status"] for item in await github_line.failures()] == ["healed"]
    reads = [call.status for call in github.calls("GET") if call.origin == "api"]
    assert reads.count(304) > len(reads) / 4


async def test_of_a_window_that_runs_out_the_reserve_is_left_and_the_work_is_done_in_the_next(
    github, github_line
):
    github.allow(106, seconds=900)
    for number in range(4):
        run = github.add_run(log=DNS, sha=f"{number:040x}", branch=f"b{number}")
        await send(github_line, github, run)
    assert len(reruns(github)) < 4
    assert github.world.remaining > 50
    github.allow(5000, seconds=3600)
    await github_line.hurry()
    await github_line.hurry()
    assert len(reruns(github)) == 4


async def test_a_run_that_github_finds_too_old_is_asked_for_once_and_left_to_people(
    github, github_line
):
    github.world.today += timedelta(days=40)
    await send(github_line, github, github.add_run(log=DNS))
    (failure,) = await github_line.failures()
    assert failure["status"] == "escalated"
    assert [action["status"] for action in failure["actions"]] == ["failed"]
    assert "over a month ago" in failure["actions"][0]["note"]
    assert len(reruns(github)) == 1
