"""The last re-run on another runner: dispatched once, settled by the run that comes of it."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.fakes.github import FakeGitHub
from tests.fakes.github.server import SHA
from tests.fakes.github.workflows import PATH
from tests.fakes.github.world import Run
from tests.line.harness import Guarded, Line
from tests.line.test_github import reruns, send
from tests.line.test_incidents import incidents, later
from tests.platforms.github.keys import KEY, PEM

from pipeline_guard.cli.failures import _story
from pipeline_guard.stages.report.reasoning import reasoning
from pipeline_guard.store import failures
from pipeline_guard.web.api.failures import shape

LOST = "##[error]The hosted runner lost communication with the server.\n"
WORKFLOW = """
name: CI
on:
  push:
  workflow_dispatch:
    inputs:
      runner: {type: choice, options: [ubuntu-latest, spare], default: ubuntu-latest}
jobs:
  tests:
    runs-on: ${{ inputs.runner || 'ubuntu-latest' }}
    steps: [{run: make}]
"""
GUARD = """
mode: act
max_reruns: 2
other_runner: {input: runner, label: spare}
"""


@pytest.fixture
async def line(guarded: Guarded) -> AsyncIterator[Line]:
    async with guarded(GUARD) as running:
        yield running


def dispatched(github: FakeGitHub) -> list[Run]:
    runs = github.world.repos["acme/shop"].runs.values()
    return [run for run in runs if run.event == "workflow_dispatch"]


async def red_twice(
    line: Line, github: FakeGitHub, workflow: str = WORKFLOW, *, wait: bool = True, **run
) -> Run:
    """A run that fails, is re-run and fails again; what was planned then is done."""
    github.add_repo().files[PATH] = workflow.encode()
    made = github.add_run(log=LOST, **run)
    await send(line, github, made)
    github.finish_run(made, "failure", LOST)
    await send(line, github, made)
    if wait:
        await line.hurry()
    return made


async def end(line: Line, github: FakeGitHub, run: Run, conclusion: str = "success") -> None:
    github.finish_run(run, conclusion, LOST)
    await send(line, github, run)


async def states(line: Line, run: Run) -> list[str]:
    return [item["status"] for item in await line.failures() if item["run_id"] == str(run.id)]


async def learned(line: Line) -> list[tuple]:
    async with line.context.database.transaction() as session:
        query = text("SELECT run_attempt, rerun_passed, next_passed FROM failures ORDER BY id")
        return [tuple(row) for row in await session.execute(query)]


async def test_what_passes_elsewhere_is_healed_and_proves_nothing(github, line):
    run = await red_twice(line, github)
    assert len(reruns(github)) == 1
    (other,) = dispatched(github)
    assert (other.inputs, other.branch, other.sha) == ({"runner": "spare"}, "feature", SHA)
    assert await states(line, run) == ["healing", "healing"]
    await end(line, github, other)
    first, second = await line.failures()
    assert (first["status"], second["status"]) == ("healed", "healed")
    (action,) = second["actions"]
    assert (action["status"], action["outcome"]) == ("done", "healed")
    assert action["url"].endswith(f"/actions/runs/{other.id}")
    assert await learned(line) == [(1, False, False), (2, None, None)]


async def test_what_fails_there_too_is_for_a_person_and_ends_there(github, line):
    run = await red_twice(line, github)
    (other,) = dispatched(github)
    await end(line, github, other, "failure")
    await line.hurry()
    assert await states(line, run) == ["escalated", "escalated"]
    *_, second, own = await line.failures()
    assert second["actions"][0]["outcome"] == "failed_again"
    assert own["run_id"] == str(other.id)
    assert own["actions"] == []
    refused = {item["guard"] for item in own["plan"]["refusals"]}
    assert {"own_actor", "attempts"} <= refused
    assert await learned(line) == [(1, False, False), (2, None, None), (1, None, None)]
    assert (len(reruns(github)), len(dispatched(github))) == (1, 1)


async def test_what_is_cancelled_there_is_superseded(github, line):
    run = await red_twice(line, github)
    await end(line, github, dispatched(github)[0], "cancelled")
    assert await states(line, run) == ["superseded", "superseded"]
    assert (await line.failures())[1]["actions"][0]["outcome"] == "superseded"


async def test_each_job_is_settled_by_its_own_name(github, line):
    more = WORKFLOW + "  lint:\n    runs-on: ubuntu-latest\n"
    jobs = {"tests": "failure", "lint": "failure"}
    run = await red_twice(line, github, more, jobs=jobs)
    (other,) = dispatched(github)
    other.job("lint").conclusion = "success"
    await end(line, github, other, "failure")
    found = [item for item in await line.failures() if item["run_id"] == str(run.id)]
    assert {(item["job"], item["status"]) for item in found} == {
        ("tests", "escalated"), ("lint", "healed"),
    }  # fmt: skip
    assert found[-1]["actions"][0]["outcome"] == "failed_again"


@pytest.mark.parametrize(("ended", "status"), [("success", "healed"), ("failure", "escalated")])
async def test_a_job_that_is_named_otherwise_there_goes_by_the_run(github, line, ended, status):
    run = await red_twice(line, github, jobs={"tests (ubuntu-latest)": "failure"})
    await end(line, github, dispatched(github)[0], ended)
    assert await states(line, run) == [status, status]


async def test_without_its_webhook_the_new_run_is_looked_at(github, line):
    run = await red_twice(line, github, wait=False)
    await line.hurry()
    (other,) = dispatched(github)
    looked = [args["event"]["run_id"] for task, args in await line.waiting() if "look" in task]
    assert str(other.id) in looked
    github.finish_run(other)
    await line.hurry()
    assert await states(line, run) == ["healed", "healed"]


async def test_an_end_that_comes_before_its_id_is_kept_is_looked_at_later(github, line):
    run = await red_twice(line, github)
    (other,) = dispatched(github)
    async with line.context.database.transaction() as session:
        await session.execute(text("UPDATE actions SET external_id = NULL"))
    await end(line, github, other)
    assert await states(line, run) == ["healing", "healing"]
    async with line.context.database.transaction() as session:
        query = text("UPDATE actions SET external_id = :id WHERE run_attempt = 2")
        await session.execute(query, {"id": str(other.id)})
    await line.hurry()
    assert await states(line, run) == ["healed", "healed"]


@pytest.mark.parametrize(
    "trouble",
    [
        lambda github: github.fail("POST", "/dispatches", 502, after=True),
        lambda github: github.fail("POST", "/dispatches", 502),
        lambda github: setattr(github.world, "dispatches", "silence"),
        lambda github: setattr(github.world, "dispatches", "strict"),
    ],
)
async def test_it_is_dispatched_once_whatever_is_answered(
    github, line, trouble: Callable[[FakeGitHub], None]
):
    trouble(github)
    run = await red_twice(line, github)
    for _ in range(3):
        await line.hurry()
    async with line.context.database.transaction() as session:  # the doubt is over by then
        change = "UPDATE actions SET created_at = created_at - interval '6 minutes'"
        await session.execute(text(change))
    await line.hurry()
    (other,) = dispatched(github)
    await end(line, github, other)
    assert await states(line, run) == ["healed", "healed"]


async def test_a_new_run_that_shows_late_is_waited_for(github, line):
    github.world.dispatches = "silence"
    github.fail("GET", "/workflows/5/runs", 200, body={"workflow_runs": []}, times=6)
    run = await red_twice(line, github)
    for minutes in (1, 2):
        async with line.context.database.transaction() as session:
            change = f"UPDATE actions SET created_at = created_at - interval '{minutes} minutes'"
            await session.execute(text(change))
        await line.hurry()
        assert (await line.failures())[1]["actions"][0]["status"] == "intended"
    github.world.faults.clear()
    await line.hurry()
    (other,) = dispatched(github)
    await end(line, github, other)
    assert await states(line, run) == ["healed", "healed"]


async def test_a_refusal_of_the_platform_is_told_to_a_person(github, line):
    github.fail("POST", "/dispatches", 422, body={"message": "Cannot trigger it."}, times=9)
    run = await red_twice(line, github)
    assert await states(line, run) == ["healing", "escalated"]
    action = (await line.failures())[1]["actions"][0]
    assert action["status"] == "failed"


async def test_what_the_workflow_does_not_allow_is_re_run_as_it_was_and_told_on_asking(
    github, line
):
    run = await red_twice(line, github, WORKFLOW + "    if: github.actor != 'nobody'\n")
    assert dispatched(github) == []
    assert len(reruns(github)) == 2
    told = "A condition in the job 'tests' tells a dispatched run from others."
    note = f"Not on another runner: {told}"
    async with line.context.database.transaction() as session:
        found = await failures.of_run(session, "github", "acme/shop", str(run.id))
        assert [item.plan["notes"] for item in found] == [[], [note]]
        assert note in _story(shape(found[1]))
        assert note in reasoning(found[1], found)
    await end(line, github, run)
    assert await states(line, run) == ["healed", "healed"]
    assert (await learned(line))[1] == (2, True, True)


async def test_a_failure_of_a_request_is_re_run_as_it_was(github, line):
    github.add_pull()
    await red_twice(line, github)
    assert dispatched(github) == []
    assert len(reruns(github)) == 2
    (comment,) = github.world.repos["acme/shop"].comments.values()
    assert "another runner" not in comment.body


async def test_who_takes_the_policy_back_is_heard_at_last(github, line, tmp_path: Path):
    run = await red_twice(line, github, wait=False)
    (tmp_path / "guard.yaml").write_text("mode: act\n")
    await line.hurry()
    assert dispatched(github) == []
    assert (await states(line, run))[-1] == "open"
    (refusal,) = (await line.failures())[1]["plan"]["refusals"]
    assert "does not name this runner" in refusal["reason"]


async def test_a_re_run_by_a_person_meanwhile_decides_nothing_about_the_new_run(github, line):
    run = await red_twice(line, github)
    github.world.rerun(run, None, "ann")
    await end(line, github, run)
    assert await states(line, run) == ["healed", "healed"]
    assert (await line.failures())[1]["actions"][0]["outcome"] is None
    await end(line, github, dispatched(github)[0], "failure")
    assert await states(line, run) == ["healed", "healed"]
    assert (await line.failures())[1]["actions"][0]["outcome"] == "failed_again"


async def test_an_incident_is_not_over_by_it_and_its_probe_is_an_ordinary_re_run(
    github, guarded: Guarded, database_url: str
):
    github.add_repo().files[PATH] = WORKFLOW.encode()
    limits = "incidents: {runs: 3, places: 2, probe_minutes: 5, quiet_minutes: 30}\n"
    async with guarded(GUARD.replace("max_reruns: 2", "max_reruns: 1") + limits) as line:
        for number in range(5):
            red = github.add_run(log=LOST, sha=f"{number:040x}", branch=f"branch-{number}")
            await send(line, github, red)
        before = dispatched(github)
        assert len(before) == 2
        await end(line, github, before[0])
        (incident,) = await incidents(line)
        assert incident["status"] == "open"
        later(database_url, 6)
        await line.hurry()
        assert (len(dispatched(github)), len(reruns(github))) == (2, 1)
        later(database_url, 31)
        await line.hurry()
        (incident,) = await incidents(line)
        assert "not seen" in incident["closed_by"]
        # What was held is decided anew from what was read of its workflow at first.
        assert (len(dispatched(github)), len(reruns(github))) == (4, 1)


async def test_an_app_needs_no_more_rights_and_its_check_run_says_it(
    github, guarded: Guarded
) -> None:
    github.add_app("acme/shop", KEY.public_key())
    app = {"github_token": None, "github_app_id": "1", "github_private_key": PEM}
    async with guarded(GUARD, **app) as line:
        run = await red_twice(line, github)
        (other,) = dispatched(github)
        assert other.actor == "guard[bot]"
        (check,) = github.world.repos["acme/shop"].checks.values()
        assert check.output["title"].endswith("it is being re-run")
        await end(line, github, other)
        assert check.output["title"].endswith("it passed on another runner")
        assert await states(line, run) == ["healed", "healed"]
        assert [call.path for call in github.calls() if call.status in (401, 403, 422)] == []


async def test_a_day_of_red_costs_no_more_with_another_runner(github, guarded: Guarded):
    """Each commit twice, the dispatch included, and the branch as often as its base allows."""
    async with guarded(GUARD + "max_reruns_per_base: 9\nworth: {green_saves: 1000}\n") as line:
        for hour in range(8):
            sha = f"{hour + 1:040x}"
            github.add_repo(main=sha)
            run = await red_twice(line, github, branch="main", sha=sha)
            for _ in range(4):  # all stays red, whoever runs it, and every webhook comes again
                for made in list(github.world.repos["acme/shop"].runs.values()):
                    if made.conclusion is None:
                        await end(line, github, made, "failure")
                await send(line, github, run)
                await line.hurry()
            here = [item for item in dispatched(github) if item.sha == sha]
            asked = run.attempt - 1 + len(here)
            assert asked <= 2, hour
            assert len(here) <= 1
            if hour == 0:
                assert (run.attempt, len(here)) == (2, 1)
        asked = len(reruns(github)) + len(dispatched(github))
        assert asked == 9
        async with line.context.database.transaction() as session:
            query = "SELECT count(*) FROM failures WHERE status = 'healing'"
            assert (await session.execute(text(query))).scalar_one() == 0
            query = "SELECT count(*) FROM actions WHERE created_at < :now AND outcome IS NULL"
            assert (await session.execute(text(query), {"now": datetime.now(UTC)})).scalar() == 0
