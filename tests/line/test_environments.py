"""A job that deploys is never started again by us, whatever it is called."""

import pytest
from tests.line.test_github import DNS, reruns, send

WORKFLOW = b"""
jobs:
  tests: {}
  ship: {name: Ship it, environment: production}
"""


@pytest.fixture
def world(github):
    github.add_repo().files[".github/workflows/ci.yml"] = WORKFLOW
    return github


async def refused(line) -> list[str]:
    return [item["guard"] for found in await line.failures() for item in found["plan"]["refusals"]]


async def test_a_job_with_an_environment_is_never_re_run(world, github_line):
    await send(github_line, world, world.add_run(log=DNS, jobs={"Ship it": "failure"}))
    assert await refused(github_line) == ["never_rerun"]
    assert reruns(world) == []


async def test_on_a_branch_nothing_is_re_run_that_would_start_one(world, github_line):
    jobs = {"tests": "failure", "Ship it": "skipped"}
    await send(github_line, world, world.add_run(log=DNS, jobs=jobs))
    assert await refused(github_line) == ["dependents"]
    assert reruns(world) == []


async def test_it_is_left_out_where_others_are_re_run(world, github_line):
    jobs = {"tests": "failure", "Ship it": "failure"}
    await send(github_line, world, world.add_run(log=DNS, jobs=jobs))
    (path,) = reruns(world)
    assert "/actions/jobs/" in path


async def test_where_the_workflow_cannot_be_read_names_alone_count(world, github_line):
    world.fail("GET", "/contents/.github/workflows/ci.yml", 403)
    await send(github_line, world, world.add_run(log=DNS, jobs={"Ship it": "failure"}))
    assert await refused(github_line) == []


@pytest.mark.parametrize(
    ("jobs", "guard"),
    [
        ({"Ship it": "failed"}, "never_rerun"),
        ({"tests": "failed", "Ship it": "skipped"}, "dependents"),
    ],
)
async def test_on_gitlab_deployments_tell_it(gitlab, gitlab_line, jobs, guard):
    pipeline = gitlab.add_pipeline(gitlab.add_project("acme/shop"))
    for name, status in jobs.items():
        there = "production" if name == "Ship it" else None
        trace = b"curl: (6) Could not resolve host: mirror.example\n"
        gitlab.add_job(pipeline, name, status=status, trace=trace, environment=there)
    hook = gitlab.pipeline_hook(pipeline)
    await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()
    assert await refused(gitlab_line) == [guard]
    assert gitlab.calls("POST", "/retry") == []


async def test_an_environment_protected_while_a_re_run_waits_stops_it(world, guarded, tmp_path):
    async with guarded("mode: act\nprotected_environments: [other]\n") as line:
        run = world.add_run(log=DNS, jobs={"Ship it": "failure"})
        await send(line, world, run)
        world.finish_run(run, "failure", DNS)
        await send(line, world, run)
        assert (await line.failures())[-1]["plan"]["steps"][0]["params"]["wait"] > 0
        (tmp_path / "guard.yaml").write_text("mode: act\n")
        await line.hurry()
        assert len(reruns(world)) == 1
        assert await refused(line) == ["never_rerun"]
