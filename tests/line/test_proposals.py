"""What people do with the requests and issues that we make is seen, told, and taken at its word."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from tests.fakes.github.server import SHA, FakeGitHub
from tests.fakes.gitlab import FakeGitLab
from tests.line.harness import Guarded, Line, on_gitlab
from tests.line.test_github import RED
from tests.line.test_patch import BEFORE, DIFF, LOG, proposals, say, send
from tests.line.test_tracker import another_hour, issues, push

from pipeline_guard.stages.upkeep.recover import sweep

CONFIG = "mode: act\npatch: {mode: act}\nissue: {enabled: true, after: 1}\n"


@pytest.fixture
async def line(guarded: Guarded, gitlab: FakeGitLab) -> AsyncIterator[Line]:
    async with guarded(CONFIG, **on_gitlab(gitlab)) as running:
        yield running


def red(github: FakeGitHub):
    pull = github.add_pull()
    pull.files["src/shop.py"] = "modified"
    run = github.add_run(log=LOG, event="pull_request", jobs={"lint": "failure"})
    run.repo.files_at[SHA] = {"src/shop.py": BEFORE}
    run.repo.people.update(ann="write")
    return pull, run


async def swept(line: Line, *, minutes: int = 60) -> None:
    """A sweep, so long after the last one."""
    async with line.context.database.transaction() as session:
        change = f"UPDATE sweeps SET until = until - interval '{minutes} minutes'"
        await session.execute(text(change))
    await sweep(line.context)


async def outcomes(line: Line) -> list[tuple[str, str | None]]:
    """(kind, outcome) of the newest failure's actions."""
    return [(item["kind"], item["outcome"]) for item in (await line.failures())[-1]["actions"]]


async def declined(line: Line, kind: str) -> list[str]:
    refusals = (await line.failures())[-1]["plan"]["refusals"]
    return [r["reason"] for r in refusals if (r["guard"], r["step"]) == ("declined", kind)]


async def test_a_closed_one_is_told_and_not_made_again_unless_somebody_asks(github, line):
    pull, run = red(github)
    await send(line, github, run)
    (made,) = proposals(github)
    made.state = "closed"
    await swept(line)
    assert await outcomes(line) == [("patch", "closed")]
    entries = (await line.client.get("/api/v1/audit", params={"action": "patch.closed"})).json()
    (entry,) = entries["items"]
    assert (entry["actor"], entry["details"]["number"]) == ("github", made.number)

    github.world.rerun(run, None, "dev")
    github.finish_run(run, "failure", LOG)
    await send(line, github, run)
    (told,) = await declined(line, "patch")
    assert told.startswith(f"It was proposed before as #{made.number}, which was closed without")
    assert told.endswith("/guard patch proposes it again.")
    assert await outcomes(line) == []

    assert "hooray" in await say(line, github, pull, "/guard patch")
    assert [item.state for item in proposals(github)] == ["closed", "open"]


async def test_a_merge_is_seen_once_and_an_open_one_is_looked_at_again_in_a_while(github, line):
    _, run = red(github)
    await send(line, github, run)
    (made,) = proposals(github)
    await swept(line)
    assert await outcomes(line) == [("patch", None)]
    made.state, made.merged = "closed", True
    await swept(line, minutes=5)
    assert await outcomes(line) == [("patch", None)]
    await swept(line)
    await swept(line)
    assert await outcomes(line) == [("patch", "merged")]
    entries = (await line.client.get("/api/v1/audit", params={"action": "patch.merged"})).json()
    assert len(entries["items"]) == 1


async def test_an_issue_closed_as_not_planned_is_left_closed_for_good(github, line):
    await send(line, github, push(github, 1, log=RED))
    (issue,) = issues(github)
    issue.state, issue.state_reason, issue.closed_days_ago = "closed", "not_planned", 20
    await swept(line)
    assert await outcomes(line) == [("issue", "not_planned")]
    await another_hour(line)
    await send(line, github, push(github, 2, log=RED))
    assert await declined(line, "issue") == [
        f"It was proposed before as #{issue.number}, which was closed as not planned."
    ]
    assert (len(issues(github)), issue.state) == (1, "closed")


async def test_what_was_deleted_or_is_not_ours_to_see_stops_nothing(github, line):
    _, run = red(github)
    await send(line, github, run)
    await send(line, github, push(github, 1, log=RED))
    (made,) = proposals(github)
    del github.world.repos["acme/shop"].pulls[made.number]
    await swept(line)
    assert {item["outcome"] for f in await line.failures() for item in f["actions"]} == {
        "gone", None,
    }  # fmt: skip


async def test_on_gitlab_a_closed_merge_request_is_seen_too(gitlab: FakeGitLab, line):
    project = gitlab.add_project("acme/shop")
    request = gitlab.add_merge_request(project, "feature")
    request.files["src/shop.py"] = False
    project.trees[request.sha] = {"src/shop.py": BEFORE}
    trace = f"$ ruff format --diff\n{DIFF}ERROR: Job failed: exit code 1\n".encode()
    for number, expected in ((1, 1), (2, 1)):
        pipeline = gitlab.add_pipeline(project, ref="feature", sha=request.sha)
        gitlab.add_job(pipeline, "lint", status="failed", trace=trace)
        hook = gitlab.pipeline_hook(pipeline)
        await line.post("gitlab", hook.headers, hook.body)
        await line.settle()
        made = [one for one in gitlab.world.requests.values() if one.author == gitlab.bot]
        assert len(made) == expected
        if number == 1:
            made[0].state = "closed"
            await swept(line)
            assert await outcomes(line) == [("patch", "closed")]
    assert await declined(line, "patch")
