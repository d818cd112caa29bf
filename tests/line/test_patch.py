"""A red lint job that prints its diff, payload to proposed change, on GitHub."""

from collections.abc import AsyncIterator

import pytest
from tests.fakes.github.server import SHA, FakeGitHub
from tests.fakes.github.world import Job
from tests.fakes.gitlab import FakeGitLab
from tests.line.harness import Guarded, Line, on_gitlab

from pipeline_guard.platforms.github.changes import GitHubChanges

POLICY = "mode: act\npatch:\n  mode: act\n"
BEFORE = b"import os\n\n\ndef total( a,b ):\n    return a+b\n\n\nprint(os.name)\n"
AFTER = b"import os\n\n\ndef total(a, b):\n    return a + b\n\n\nprint(os.name)\n"
DIFF = """\
--- src/shop.py
+++ src/shop.py
@@ -1,8 +1,8 @@
 import os


-def total( a,b ):
-    return a+b
+def total(a, b):
+    return a + b


 print(os.name)

1 file would be reformatted
"""
LOG = f"##[group]Run ruff format --diff\n{DIFF}##[error]Process completed with exit code 1.\n"


@pytest.fixture
async def patching(guarded: Guarded, mode: str) -> AsyncIterator[Line]:
    """A line whose operator lets patches be proposed."""
    async with guarded(POLICY.replace("act", mode, 1)) as line:
        yield line


@pytest.fixture
def red(github: FakeGitHub):
    """A run of a pull request that is red for its format; `fork` is where the request is from."""

    def make(*, fork: str | None = None, log: str = LOG):
        pull = github.add_pull(head_repo=fork)
        pull.files["src/shop.py"] = "modified"
        run = github.add_run(
            log=log, head_repo=fork, event="pull_request", jobs={"lint": "failure"}
        )
        run.repo.files_at[SHA] = {"src/shop.py": BEFORE, "README.md": b"# Shop\n"}
        return pull, run

    return make


async def send(line: Line, github: FakeGitHub, run) -> None:
    await line.post("github", *github.webhook("workflow_run", run))
    await line.settle()


def proposals(github: FakeGitHub):
    return [p for p in github.world.repos["acme/shop"].pulls.values() if p.user == github.login]


def comment(github: FakeGitHub) -> str:
    (found,) = github.world.repos["acme/shop"].comments.values()
    return found.body


async def test_what_the_job_printed_is_proposed_into_the_requests_branch(github, patching, red):
    pull, run = red()
    await send(patching, github, run)
    (failure,) = await patching.failures()
    assert (failure["category"], failure["status"]) == ("lint_format", "open")
    assert [(a["kind"], a["status"]) for a in failure["actions"]] == [("patch", "done")]
    (made,) = proposals(github)
    assert made.base == pull.branch
    assert made.branch.startswith(f"pipeline-guard/{failure['fingerprint'][:12]}")
    assert github.api.git.content("acme/shop", made.branch) == {
        "src/shop.py": AFTER, "README.md": b"# Shop\n",
    }  # fmt: skip
    assert f"/pull/{made.number}" in comment(github)


async def test_the_same_failure_again_is_proposed_once(github, patching, red):
    _, run = red()
    await send(patching, github, run)
    await send(patching, github, run)
    github.world.rerun(run, None, "dev")
    github.finish_run(run, "failure", LOG)
    await send(patching, github, run)
    assert len(proposals(github)) == 1


async def test_from_a_fork_it_stays_a_suggestion(github, patching, red):
    _, run = red(fork="stranger/shop")
    await send(patching, github, run)
    assert proposals(github) == []
    assert {call.method for call in github.calls(path="/git/")} == {"GET"}
    assert "+def total(a, b):" in comment(github)


async def test_into_a_protected_branch_it_stays_a_suggestion(github, patching, red):
    _, run = red()
    run.repo.protected.add("feature")
    await send(patching, github, run)
    assert proposals(github) == []
    assert "+def total(a, b):" in comment(github)


@pytest.mark.parametrize("mode", ["suggest"], indirect=True)
async def test_suggest_shows_the_change_and_makes_nothing(github, patching, red):
    _, run = red()
    await send(patching, github, run)
    assert proposals(github) == []
    assert "+def total(a, b):" in comment(github)


@pytest.mark.parametrize("mode", ["observe"], indirect=True)
async def test_observe_writes_nothing_and_keeps_what_would_have_been_done(github, patching, red):
    _, run = red()
    await send(patching, github, run)
    (failure,) = await patching.failures()
    assert [step["kind"] for step in failure["plan"]["steps"]] == ["patch"]
    assert {call.method for call in github.calls()} == {"GET"}


@pytest.mark.parametrize(
    "path", ["/git/trees", "/git/commits", "/git/refs", "/repos/acme/shop/pulls"]
)
async def test_a_lost_answer_or_a_crash_on_the_way_makes_no_second_one(github, patching, red, path):
    """Each call but the first of a kind is answered 502 after it was done, then repeated."""
    github.fail("POST", path, 502, after=True)
    _, run = red()
    await send(patching, github, run)
    await patching.hurry()
    await patching.hurry()
    assert len(proposals(github)) == 1
    branches = [n for n in run.repo.branches if n.startswith("pipeline-guard/")]
    assert len(branches) == 1
    assert github.api.git.content("acme/shop", branches[0])["src/shop.py"] == AFTER


async def test_what_somebody_closed_is_not_proposed_again(github, patching, red):
    _, run = red()
    await send(patching, github, run)
    (made,) = proposals(github)
    made.state = "closed"
    again = github.add_run(log=LOG, event="pull_request", jobs={"lint": "failure"}, workflow="CI 2")
    await send(patching, github, again)
    assert len(proposals(github)) == 1


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (LOG.replace("+    return a + b", "+    return a + b  # noqa"), "look away"),
        (LOG.replace("src/shop.py", "src/other.py"), "not among the files"),
        (LOG.replace("-    return a+b", "-    return a-b"), "does not fit"),
        (LOG.replace("@@ -1,8", "@@ -1,9"), "cut or mixed"),
    ],
)
async def test_what_is_not_whole_fitting_and_harmless_is_not_proposed(
    github, patching, red, log, why
):
    _, run = red(log=log)
    await send(patching, github, run)
    assert proposals(github) == []
    (failure,) = await patching.failures()
    told = [item["reason"] for item in failure["plan"]["refusals"] if item["step"] == "patch"]
    assert why in " ".join([*told, *failure["notes"]])


async def test_a_proposal_of_ours_that_fails_is_not_answered(github, patching, red):
    _, run = red()
    await send(patching, github, run)
    (made,) = proposals(github)
    made.files["src/shop.py"] = "modified"
    own = github.add_run(
        log=LOG, branch=made.branch, sha=made.sha, event="pull_request", jobs={"lint": "failure"}
    )
    await send(patching, github, own)
    assert len(proposals(github)) == 1


async def test_on_gitlab_it_is_a_merge_request_into_the_requests_branch(
    gitlab: FakeGitLab, guarded
):
    project = gitlab.add_project("acme/shop")
    request = gitlab.add_merge_request(project, "feature")
    request.files["src/shop.py"] = False
    project.trees[request.sha] = {"src/shop.py": BEFORE}
    pipeline = gitlab.add_pipeline(project, ref="feature", sha=request.sha)
    trace = f"$ ruff format --diff\n{DIFF}ERROR: Job failed: exit code 1\n".encode()
    gitlab.add_job(pipeline, "lint", status="failed", trace=trace)
    hook = gitlab.pipeline_hook(pipeline)
    gitlab.fail_next("POST", "/repository/commits", 502, after=True)
    async with guarded(POLICY, **on_gitlab(gitlab)) as line:
        for _ in range(2):
            await line.post("gitlab", hook.headers, hook.body)
            await line.settle()
            await line.hurry()
    made = [one for one in gitlab.world.requests.values() if one.author == gitlab.bot]
    assert [one.target_branch for one in made] == ["feature"]
    assert project.trees[project.branches[made[0].source_branch]]["src/shop.py"] == AFTER


async def say(line: Line, github: FakeGitHub, pull, text: str, author: str = "ann") -> list[str]:
    """Our signs on a comment of somebody's, once it was answered."""
    said = github.add_comment(pull, author, text)
    await line.post("github", *github.comment_hook(pull, said))
    await line.settle()
    return [content for login, content in said.reactions if login == github.login]


@pytest.mark.parametrize("mode", ["suggest"], indirect=True)
async def test_in_suggest_a_persons_word_makes_it_a_proposal(github, patching, red):
    pull, run = red()
    run.repo.people.update(ann="write", bob="read")
    await send(patching, github, run)
    assert "-1" in await say(patching, github, pull, "/guard patch", "bob")
    assert proposals(github) == []
    assert "hooray" in await say(patching, github, pull, "/guard patch")
    (made,) = proposals(github)
    (failure,) = await patching.failures()
    (action,) = failure["actions"]
    assert (action["kind"], action["status"]) == ("patch", "done")
    assert failure["status"] == "open"
    assert await say(patching, github, pull, "/guard patch")
    assert len(proposals(github)) == 1
    made.state = "closed"
    await say(patching, github, pull, "/guard patch")
    assert len(proposals(github)) == 2


async def test_a_persons_word_writes_to_no_fork_and_invents_nothing(github, patching, red):
    pull, run = red(fork="stranger/shop")
    run.repo.people.update(ann="admin")
    await send(patching, github, run)
    assert "-1" in await say(patching, github, pull, "/guard patch")
    assert proposals(github) == []


RULES = """\
rules:
  - id: acme-sdk-gone
    category: dependency_resolution
    patterns: {any: ['acme-sdk: no build of (?P<package>\\S+) after (?P<last>[\\d.]+)']}
    captures: [package, last]
    fix:
      - {bound: "{package}", to: "<={last}", files: [requirements.txt, pyproject.toml]}
    tests: {match: ['acme-sdk: no build of acme-core after 2.4']}
"""
GONE = "acme-sdk: no build of acme-core after 2.4\n##[error]Process completed with exit code 1.\n"


async def test_what_a_rule_names_is_proposed_on_a_branch_without_a_request_too(
    github: FakeGitHub, guarded, tmp_path
):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "acme.yaml").write_text(RULES)
    run = github.add_run(log=GONE, branch="main", sha="a" * 40)
    run.repo.files_at["a" * 40] = {"requirements.txt": b"# ours\nacme-core>=2  # sdk\nflask\n"}
    run.repo.protected.add("main")
    async with guarded(POLICY, rules=tmp_path / "rules") as line:
        await send(line, github, run)
        (failure,) = await line.failures()
    (made,) = proposals(github)
    assert (made.base, failure["rule"]) == ("main", "acme-sdk-gone")
    assert github.api.git.content("acme/shop", made.branch) == {
        "requirements.txt": b"# ours\nacme-core<=2.4  # sdk\nflask\n"
    }


async def test_a_crash_between_branch_and_request_leaves_one_of_each(
    github, patching, red, monkeypatch
):
    whole = GitHubChanges.open_request
    crashes = iter([True])

    async def dies_once(self, *args):
        if next(crashes, False):
            raise RuntimeError("the process is gone")
        return await whole(self, *args)

    monkeypatch.setattr(GitHubChanges, "open_request", dies_once)
    _, run = red()
    await send(patching, github, run)
    assert proposals(github) == []
    await patching.hurry()
    assert len(proposals(github)) == 1
    assert len([name for name in run.repo.branches if name.startswith("pipeline-guard/")]) == 1
    assert len(run.repo.commits) == 1


@pytest.mark.parametrize("mode", ["suggest"], indirect=True)
async def test_after_a_re_run_that_a_person_asked_for_the_change_is_still_there(
    github, patching, red
):
    pull, run = red()
    run.repo.people.update(ann="write")
    await send(patching, github, run)
    assert "hooray" in await say(patching, github, pull, "/guard retry")
    assert "hooray" in await say(patching, github, pull, "/guard patch")
    assert len(proposals(github)) == 1
    (failure,) = await patching.failures()
    assert sorted(a["kind"] for a in failure["actions"]) == ["patch", "rerun"]
    assert failure["status"] == "healing"


async def test_while_one_is_open_for_an_older_commit_the_newer_change_is_only_shown(
    github, patching, red
):
    pull, run = red()
    run.repo.people.update(ann="write")
    await send(patching, github, run)
    (first,) = proposals(github)
    pull.sha = "2" * 40
    pull.commits.append(pull.sha)
    run.repo.branches["feature"] = pull.sha
    run.repo.files_at[pull.sha] = {"src/shop.py": BEFORE + b"# more\n"}
    newer = LOG.replace("@@ -1,8 +1,8 @@", "@@ -1,9 +1,9 @@").replace(
        " print(os.name)\n", " print(os.name)\n # more\n"
    )
    again = github.add_run(log=newer, sha=pull.sha, event="pull_request", jobs={"lint": "failure"})
    await send(patching, github, again)
    assert proposals(github) == [first]
    assert f"{first.number} is open already" in comment(github)
    assert "+def total(a, b):" in comment(github)
    first.state, first.merged = "closed", True
    assert "hooray" in await say(patching, github, pull, "/guard patch")
    assert len(proposals(github)) == 2


async def test_two_linters_of_one_run_are_two_proposals_and_a_matrix_is_one(github, patching, red):
    pull, run = red(log="")
    pull.files["src/till.py"] = "modified"
    run.repo.files_at[SHA]["src/till.py"] = BEFORE
    names = ("lint (3.11)", "lint (3.12)", "lint tills")
    for name, log in zip(names, (LOG, LOG, LOG.replace("shop.py", "till.py")), strict=True):
        run.jobs.append(Job(github.world.next_id(), name, 1, "failure", log=log.encode()))
    run.jobs[0].conclusion = "success"
    await send(patching, github, run)
    found = [github.api.git.content("acme/shop", made.branch) for made in proposals(github)]
    assert sorted(path for files in found for path in files if files[path] == AFTER) == [
        "src/shop.py", "src/till.py",
    ]  # fmt: skip
