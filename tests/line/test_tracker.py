"""Issues and labels, from a red branch to its green run again."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from tests.fakes.github import FakeGitHub, Issue
from tests.fakes.gitlab import FakeGitLab
from tests.line.harness import Guarded, Line, on_gitlab
from tests.line.test_github import DNS, RED, send
from tests.line.test_gitlab import red_pipeline

GUARD = """
mode: {mode}
max_reruns: 1
debug_last_rerun: true
issue: {{enabled: true, after: 2, quiet_days: 3, labels: [red main]}}
label: {{enabled: true}}
"""
OWNERS = b"* @acme/core\ntests/ @ann\n"
EVIL = (
    "FAILED tests/test_sum.py::test_sum - @everyone [x](http://evil.example) <b>&</b> ```\n"
    "/close\n=== 1 failed, 8 passed in 0.20s ===\n"
    "##[error]Process completed with exit code 1.\n"
)


@pytest.fixture
async def line(
    guarded: Guarded, gitlab: FakeGitLab, request: pytest.FixtureRequest
) -> AsyncIterator[Line]:
    text = GUARD.format(mode=getattr(request, "param", "act"))
    async with guarded(text, **on_gitlab(gitlab)) as running:
        yield running


def push(github: FakeGitHub, number: int, **run):
    """A run of the newest commit of main."""
    sha = f"{number:040x}"
    github.add_repo(main=sha)
    return github.add_run(branch="main", sha=sha, **run)


def issues(github: FakeGitHub) -> list[Issue]:
    return list(github.add_repo().issues.values())


async def later(line: Line, days: int) -> None:
    """Time passes, for what is stored."""
    async with line.context.database.transaction() as session:
        for table in ("failures", "actions"):
            change = f"UPDATE {table} SET created_at = created_at - interval '{days} days'"
            await session.execute(text(change))


async def another_hour(line: Line) -> None:
    """What is done once an hour may be done again."""
    async with line.context.database.transaction() as session:
        await session.execute(text("UPDATE actions SET key = key || '/' || id"))


async def test_what_stays_red_on_main_gets_one_issue_that_is_kept_and_closed(github, line):
    github.add_repo().files["CODEOWNERS"] = OWNERS
    await send(line, github, push(github, 1, log=EVIL))
    assert issues(github) == []
    (failure,) = await line.failures()
    assert {item["guard"] for item in failure["plan"]["refusals"] if item["step"] == "issue"} == {
        "seen_enough"
    }

    for number in (2, 3, 4):
        await send(line, github, push(github, number, log=EVIL))
    (issue,) = issues(github)
    assert (issue.title, issue.labels) == ("tests fails on main: test_failure", ["red main"])
    assert "Seen in 2 runs in 7 days" in issue.body
    assert "Owners, by CODEOWNERS: @ann" in issue.body
    assert issue.state == "open"
    actions = [action for item in await line.failures() for action in item["actions"]]
    assert {action["url"] for action in actions} == {
        f"https://github.example/acme/shop/issues/{issue.number}"
    }

    await send(line, github, push(github, 5, conclusion="success", jobs={"tests": "success"}))
    assert issue.state == "open"
    await later(line, 4)
    await send(line, github, push(github, 6, conclusion="success", jobs={"other": "success"},
                                  workflow="Docs"))  # fmt: skip
    assert issue.state == "open"
    await send(line, github, push(github, 7, conclusion="success", jobs={"tests": "success"}))
    assert issue.state == "closed"
    assert "**Closed:** tests passed on main" in issue.body

    for number in (8, 9):
        await send(line, github, push(github, number, log=EVIL))
    assert (len(issues(github)), issue.state) == (1, "open")
    assert "**Closed:**" not in issue.body


async def test_text_from_logs_can_do_nothing_in_an_issue(github, line):
    for number in (1, 2):
        await send(line, github, push(github, number, log=EVIL, workflow="CI @dev <b>",
                                      jobs={"tests [a](http://b)": "failure"}))  # fmt: skip
    (issue,) = issues(github)
    outside = issue.body.partition("````text")[0] + issue.body.rpartition("````")[2]
    assert "@everyone" in issue.body
    for sign in ("@everyone", "@dev", "<b>", "](http://b)"):
        assert sign not in outside
    assert "@dev" not in issue.title


async def test_an_issue_that_a_person_closed_stays_closed(github, line):
    for number in (1, 2):
        await send(line, github, push(github, number, log=RED))
    (issue,) = issues(github)
    issue.state = "closed"
    for number, days, state in ((3, 1, "closed"), (4, 8, "open")):
        await another_hour(line)
        issue.closed_days_ago = days
        await send(line, github, push(github, number, log=RED))
        assert (len(issues(github)), issue.state) == (1, state)


async def test_what_is_healed_or_a_request_s_own_gets_no_issue(github, line):
    pull = github.add_pull()
    for _ in range(2):
        await send(line, github, github.add_run(log=RED, pulls=(pull.number,)))
    for number in (1, 2):
        run = push(github, number, log=DNS)
        await send(line, github, run)
        github.finish_run(run)
        await send(line, github, run)
    assert issues(github) == []


async def test_what_re_runs_did_not_heal_gets_an_issue_and_the_last_one_logs_more(github, line):
    for number in (1, 2):
        run = push(github, number, log=DNS)
        await send(line, github, run)
        github.finish_run(run, "failure", DNS)
        await send(line, github, run)
    assert len(issues(github)) == 1
    calls = github.calls("POST", "/rerun")
    assert [call.body for call in calls] == [{"enable_debug_logging": True}] * 2


@pytest.mark.parametrize("line", ["observe", "suggest"], indirect=True)
async def test_only_act_acts(github, line):
    pull = github.add_pull()
    await send(line, github, github.add_run(log=RED, pulls=(pull.number,)))
    for number in (1, 2):
        await send(line, github, push(github, number, log=RED))
    assert issues(github) == []
    assert pull.labels == []
    steps = [step["kind"] for item in await line.failures() for step in item["plan"]["steps"]]
    assert steps == ["label", "issue"]


@pytest.mark.parametrize("way", ["off", "forbidden", "lost"])
async def test_issues_that_cannot_be_written_are_told_and_harm_nothing(github, line, way):
    home = github.add_repo()
    if way == "off":
        home.issues_disabled = True
    elif way == "forbidden":
        github.add_token(github.token, github.login, issues="read")
    else:
        github.fail("POST", "/issues$", 502, after=True)
    for number in (1, 2):
        await send(line, github, push(github, number, log=RED))
    actions = [action for item in await line.failures() for action in item["actions"]]
    assert [action["status"] for action in actions] == ["done" if way == "lost" else "failed"]
    assert len(issues(github)) == (1 if way == "lost" else 0)


async def test_of_two_requests_with_one_head_the_one_that_was_decided_for_has_the_label(
    github, line
):
    first, second = github.add_pull(), github.add_pull()
    run = github.add_run(log=RED, pulls=(second.number,))
    headers, body = github.webhook("workflow_run", run)
    run.pulls = [first.number, second.number]
    await line.post("github", headers, body)
    await line.settle()
    assert (first.labels, second.labels) == ([], ["ci: test_failure"])
    green = github.add_run(jobs={"tests": "success"}, conclusion="success", pulls=(second.number,))
    headers, body = github.webhook("workflow_run", green)
    green.pulls = run.pulls
    await line.post("github", headers, body)
    await line.settle()
    assert (first.labels, second.labels) == ([], [])


async def test_a_label_says_the_category_until_the_request_is_green(github, line):
    pull = github.add_pull()
    pull.labels = ["theirs"]
    lint = {"workflow": "Lint", "log": "a.py:1:1: F401 'os' imported but unused\n"}
    await send(line, github, github.add_run(log=RED, pulls=(pull.number,)))
    await send(line, github, github.add_run(pulls=(pull.number,), **lint))
    assert pull.labels == ["theirs", "ci: test_failure", "ci: lint_format"]

    pull.sha = "2" * 40
    github.add_repo(feature=pull.sha)
    green = github.add_run(sha=pull.sha, pulls=(pull.number,), conclusion="success",
                           jobs={"tests": "success"})  # fmt: skip
    await send(line, github, green)
    assert pull.labels == ["theirs", "ci: lint_format"]
    await send(line, github, green, "workflow_run", delivery="again")
    assert len(github.calls("DELETE", "/labels/")) == 1


async def test_the_same_on_gitlab(gitlab, line):
    project, request, pipeline, _ = red_pipeline(gitlab, RED.encode())
    hook = gitlab.pipeline_hook(pipeline)
    await line.post("gitlab", hook.headers, hook.body)
    await line.settle()
    assert request.labels == ["ci: test_failure"]
    for _ in range(2):
        on_main = gitlab.add_pipeline(project)
        gitlab.add_job(on_main, "tests", status="failed", trace=RED.encode())
        hook = gitlab.pipeline_hook(on_main)
        await line.post("gitlab", hook.headers, hook.body)
        await line.settle()
    (issue,) = gitlab.world.issues.values()
    assert issue.title == "tests fails on main: test_failure"
