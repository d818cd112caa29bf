"""A newer commit has the word: what older ones left open ends, and the comment says how it is."""

from tests.fakes.github.server import FakeGitHub
from tests.fakes.github.world import Run
from tests.line.harness import Line
from tests.line.test_github import RED, comments, send

OLD, NEW = "a" * 40, "c" * 40


async def test_a_green_run_of_a_newer_commit_settles_what_the_older_one_left_open(
    github, github_line
):
    await pushed(github_line, github, OLD, RED)
    await pushed(github_line, github, NEW)
    (failure,) = await github_line.failures()
    assert failure["status"] == "superseded"
    (body,) = comments(github)
    assert "Yours" not in body
    assert "Nothing is known to have failed" in body
    assert NEW[:10] in body


async def test_a_red_run_of_a_newer_commit_leaves_one_failure_open(github, github_line):
    await pushed(github_line, github, OLD, RED)
    await pushed(github_line, github, NEW, RED)
    assert [item["status"] for item in await github_line.failures()] == ["superseded", "open"]
    (body,) = comments(github)
    assert NEW[:10] in body


async def test_a_green_run_on_a_branch_settles_it_too_but_only_its_own_workflow(
    github, github_line
):
    for workflow in ("CI", "Docs"):
        await send(
            github_line, github, github.add_run(sha=OLD, branch="main", log=RED, workflow=workflow)
        )
    github.world.repos["acme/shop"].branches["main"] = NEW
    await send(github_line, github, green(github, NEW, branch="main"))
    found = {item["workflow"]: item["status"] for item in await github_line.failures()}
    assert found == {"CI": "superseded", "Docs": "open"}


async def test_the_comment_keeps_what_another_workflow_left_open(github, github_line):
    await pushed(github_line, github, OLD, RED)
    await send(github_line, github, github.add_run(sha=OLD, log=RED, workflow="Docs"))
    await pushed(github_line, github, NEW)
    (body,) = comments(github)
    assert "Docs / tests" in body


async def test_an_older_commit_that_ends_late_settles_nothing(github, github_line):
    await pushed(github_line, github, OLD, RED)
    await send(github_line, github, green(github, "b" * 40))
    assert [item["status"] for item in await github_line.failures()] == ["open"]


async def test_a_green_request_without_a_comment_gets_none(github, github_line):
    github.fail("POST", "/comments", 403)
    await pushed(github_line, github, OLD, RED)
    assert comments(github) == []
    await pushed(github_line, github, NEW)
    assert [item["status"] for item in await github_line.failures()] == ["superseded"]
    assert comments(github) == []


async def test_of_two_requests_with_one_head_the_one_with_the_comment_follows_it_to_green(
    github, github_line
):
    first, second = github.add_pull(sha=OLD), github.add_pull(sha=OLD)
    for sha, log in ((OLD, RED), (NEW, "")):
        first.sha = second.sha = github.add_repo().branches["feature"] = sha
        run = github.add_run(sha=sha, log=log) if log else green(github, sha)
        run.pulls = [second.number]
        headers, body = github.webhook("workflow_run", run)
        run.pulls = [first.number, second.number]
        await github_line.post("github", headers, body)
        await github_line.settle()
    (text,) = comments(github)
    assert "Nothing is known to have failed" in text


def green(github: FakeGitHub, sha: str, branch: str = "feature") -> Run:
    return github.add_run(sha=sha, branch=branch, jobs={"tests": "success"}, conclusion="success")


async def pushed(line: Line, github: FakeGitHub, sha: str, log: str = "") -> None:
    """A commit becomes the request's newest, and its run ends: red with a log, else green."""
    home = github.add_repo()
    pull = next(iter(home.pulls.values()), None) or github.add_pull(sha=sha)
    pull.sha, home.branches["feature"] = sha, sha
    run = github.add_run(sha=sha, log=log) if log else green(github, sha)
    await send(line, github, run)
