"""Secrets in the names of jobs, steps, workflows and branches, payload to all that is shown."""

import json
from typing import Any

import psycopg
import pytest
from tests.fakes.github import FakeGitHub
from tests.fakes.github.server import SHA
from tests.fakes.gitlab import FakeGitLab
from tests.line.harness import Guarded, Line
from tests.line.test_environments import refused
from tests.line.test_github import DNS, RED, comments, reruns, send
from tests.line.test_other_runner import GUARD as OTHER_RUNNER
from tests.line.test_other_runner import dispatched, red_twice
from tests.line.test_patch import AFTER, BEFORE, LOG, POLICY, proposals
from tests.line.test_tracker import GUARD, issues, push

KEY = "AKIA2345678901234567"
JOB, SHOWN = f"test ({KEY}, 3.12)", "test ([redacted], 3.12)"


async def all_that_is_shown(line: Line, database_url: str) -> str:
    """Pages, API and rows, but for the bodies of deliveries, which are kept as they came."""
    pages = ["/", "/failures/1", "/insights", "/deliveries", "/deliveries/1", "/api/v1/failures/1"]
    pages += ["/api/v1/failures", "/api/v1/deliveries", "/api/v1/deliveries/1", "/metrics"]
    found = [await line.client.get(page) for page in pages]
    assert {answer.status_code for answer in found} == {200}
    with psycopg.connect(database_url) as connection:
        rows: list[Any] = [
            connection.execute(f"SELECT to_jsonb(t) FROM {table} t").fetchall()
            for table in ("failures", "actions", "deliveries", "notices", "procrastinate_jobs")
        ]
    return "".join(answer.text for answer in found) + json.dumps(rows, default=str)


def told(github: FakeGitHub) -> str:
    """All that we wrote to GitHub."""
    sent = [call.body for call in github.calls() if call.method != "GET"]
    return json.dumps(sent, default=str)


async def test_nothing_shows_it_and_the_re_run_is_still_the_same_job_s(
    github: FakeGitHub, guarded: Guarded, database_url, capsys
):
    github.add_token("ghs_app", "guard[bot]")
    github.add_pull(branch=f"fix/{KEY}")
    run = github.add_run(
        log=DNS, branch=f"fix/{KEY}", workflow=f"CI {KEY}", jobs={JOB: "failure", "lint": "success"}
    )
    run.job(JOB).steps[0]["name"] = f"log in as {KEY}"
    async with guarded("mode: act\n", github_token="ghs_app") as line:
        await send(line, github, run)
        github.finish_run(run)
        await send(line, github, run)
        (failure,) = await line.failures()
        assert (failure["job"], failure["status"]) == (SHOWN, "healed")
        assert (failure["branch"], failure["workflow"]) == ("fix/[redacted]", "CI [redacted]")
        assert SHOWN in comments(github)[0]
        assert KEY not in await all_that_is_shown(line, database_url)
        assert KEY not in told(github)
        assert KEY not in "".join(capsys.readouterr())
    assert github.calls("POST", "/check-runs")


async def test_an_issue_is_opened_and_closed_under_the_masked_names(github, guarded: Guarded):
    async with guarded(GUARD.format(mode="act")) as line:
        for number in (1, 2):
            await send(line, github, push(github, number, log=RED, jobs={JOB: "failure"}))
        (issue,) = issues(github)
        assert issue.title.startswith(SHOWN)
        await send(line, github, push(github, 3, conclusion="success", jobs={JOB: "success"}))
    assert KEY not in told(github)


async def test_a_change_is_proposed_into_the_branch_as_it_is_called(
    github: FakeGitHub, guarded: Guarded
):
    branch = f"fix/{KEY}"
    github.add_pull(branch=branch).files["src/shop.py"] = "modified"
    run = github.add_run(log=LOG, branch=branch, event="pull_request", jobs={"lint": "failure"})
    run.repo.files_at[SHA] = {"src/shop.py": BEFORE}
    async with guarded(POLICY) as line:
        await send(line, github, run)
    (made,) = proposals(github)
    assert made.base == branch
    assert github.api.git.content("acme/shop", made.branch) == {"src/shop.py": AFTER}


async def test_a_workflow_is_dispatched_on_the_branch_as_it_is_called(github, guarded: Guarded):
    async with guarded(OTHER_RUNNER) as line:
        await red_twice(line, github, branch=f"fix/{KEY}")
        (other,) = dispatched(github)
        assert other.branch == f"fix/{KEY}"


@pytest.mark.parametrize(
    ("pattern", "guards"), [("lint*", []), ("test (*, 3.12)", ["never_rerun"])]
)
async def test_patterns_go_on_matching_what_is_left_of_a_name(github, guarded, pattern, guards):
    async with guarded(f"mode: act\nnever_rerun: ['{pattern}']\n") as line:
        await send(line, github, github.add_run(log=DNS, jobs={JOB: "failure"}))
        assert await refused(line) == guards
    assert len(reruns(github)) == (not guards)


async def test_a_job_that_deploys_is_known_by_its_original_name(github, github_line):
    workflow = f"jobs: {{ship: {{name: 'Ship {KEY}', environment: production}}}}"
    github.add_repo().files[".github/workflows/ci.yml"] = workflow.encode()
    await send(github_line, github, github.add_run(log=DNS, jobs={f"Ship {KEY}": "failure"}))
    assert await refused(github_line) == ["never_rerun"]


async def test_on_gitlab(gitlab: FakeGitLab, gitlab_line: Line, database_url):
    project = gitlab.add_project("acme/shop")
    request = gitlab.add_merge_request(project, f"fix/{KEY}")
    pipeline = gitlab.add_pipeline(project, ref=f"fix/{KEY}", sha=request.sha)
    job = gitlab.add_job(pipeline, JOB, status="failed", trace=DNS.encode())
    for hook in (gitlab.job_hook(job), gitlab.pipeline_hook(pipeline)):
        await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()
    assert len(gitlab.calls("POST", "/retry")) == 1
    gitlab.finish(pipeline)
    (passed,) = [item for item in gitlab.world.jobs_of(pipeline.id) if item.status == "success"]
    hook = gitlab.job_hook(passed)
    ignored = await gitlab_line.post("gitlab", hook.headers, hook.body)
    assert SHOWN in ignored.json()["reason"]
    hook = gitlab.pipeline_hook(pipeline)
    await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()
    (failure,) = await gitlab_line.failures()
    assert (failure["job"], failure["status"]) == (SHOWN, "healed")
    assert failure["branch"] == "fix/[redacted]"
    (note,) = gitlab.notes(request)
    assert SHOWN in note.body
    assert KEY not in note.body + await all_that_is_shown(gitlab_line, database_url)


async def test_on_gitlab_a_deployment_is_known_by_its_original_name(gitlab, gitlab_line):
    pipeline = gitlab.add_pipeline(gitlab.add_project("acme/shop"))
    gitlab.add_job(pipeline, JOB, status="failed", trace=DNS.encode(), environment="production")
    hook = gitlab.pipeline_hook(pipeline)
    await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()
    assert await refused(gitlab_line) == ["never_rerun"]
