"""A policy from its files to the outcome, on GitHub and GitLab."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.fakes.github.server import FakeGitHub
from tests.line.harness import Guarded, Line
from tests.line.test_github import DNS, comments, reruns, send
from tests.line.test_gitlab import DNS as GITLAB_DNS
from tests.line.test_gitlab import END, red_pipeline

OWN = ".pipeline-guard.yml"


@pytest.fixture
def policy(request: pytest.FixtureRequest) -> str:
    """The text of guard.yaml; a test names another by indirect parametrization."""
    return getattr(request, "param", "mode: act\n")


@pytest.fixture
async def line(guarded: Guarded, policy: str) -> AsyncIterator[Line]:
    async with guarded(policy) as running:
        yield running


def own_file(github: FakeGitHub, text: str) -> None:
    github.add_repo().files[OWN] = text.encode()


def refused(failure) -> set[str]:
    return {item["guard"] for item in failure["plan"]["refusals"]}


async def test_guard_yaml_says_the_mode(github, line):
    await send(line, github, github.add_run(log=DNS))
    (failure,) = await line.failures()
    assert failure["status"] == "healing"
    assert failure["plan"]["policy"]["origins"]["mode"].endswith("guard.yaml:1:1")
    assert failure["plan"]["facts"]["run"]["repository"] == "acme/shop"


@pytest.mark.parametrize(
    ("text", "guard"),
    [
        ("mode: observe", "mode"),
        ("never_rerun: [tests]", "never_rerun"),
        ("jobs: {tests: {max_reruns: 0}}", "attempts"),
        ("branches: {feature: {enabled: false}}", "kill_switch"),
        ("categories: {never: [network_transient]}", "category"),
    ],
)
async def test_a_repository_is_stricter_than_the_service(github, line, text, guard):
    own_file(github, text)
    await send(line, github, github.add_run(log=DNS))
    (failure,) = await line.failures()
    assert refused(failure) == {guard}
    assert reruns(github) == []


async def test_a_broken_file_stops_re_runs_but_not_diagnoses_and_is_told(github, line):
    github.add_pull()
    own_file(github, "\nmax_rerun: 1\n")
    answer = await send(line, github, github.add_run(log=DNS))
    (failure,) = await line.failures()
    assert (failure["category"], refused(failure)) == ("network_transient", {"mode"})
    assert reruns(github) == []
    assert len(comments(github)) == 1
    note = (await line.delivery(answer["delivery"]))["note"]
    assert f"{OWN}:2:1: max_rerun: there is no such key: did you mean 'max_reruns'?" in note


async def test_a_file_too_large_for_github_to_hand_out_is_not_taken_for_none(github, line):
    own_file(github, "enabled: false\n#" + "x" * (1 << 20))
    answer = await send(line, github, github.add_run(log=DNS))
    (failure,) = await line.failures()
    assert refused(failure) == {"mode"}
    assert reruns(github) == []
    assert "larger than 64 KB" in (await line.delivery(answer["delivery"]))["note"]


async def test_a_token_that_cannot_read_contents_heals_all_the_same(github, line):
    github.fail("GET", "/contents/", 403, body={"message": "Resource not accessible"})
    answer = await send(line, github, github.add_run(log=DNS))
    (failure,) = await line.failures()
    assert failure["status"] == "healing"
    assert "could not be read" in (await line.delivery(answer["delivery"]))["note"]


@pytest.mark.parametrize("policy", ["mode: act\nbudgets: {reruns_per_day: 3}"], indirect=True)
async def test_a_burst_does_not_overdraw_the_budget(github, line):
    runs = [
        github.add_run(log=DNS, sha=f"{number:040x}", branch=f"b{number}") for number in range(8)
    ]
    hooks = [github.webhook("workflow_run", item) for item in runs]
    await asyncio.gather(*(line.post("github", headers, body) for headers, body in hooks))
    await line.settle()
    assert len(reruns(github)) == 3
    found = await line.failures()
    assert sorted(item["status"] for item in found) == ["healing"] * 3 + ["open"] * 5


async def test_guard_yaml_is_read_anew_when_it_changes(github, line, tmp_path):
    guard_yaml = tmp_path / "guard.yaml"
    await send(line, github, github.add_run(log=DNS))
    guard_yaml.write_text("mode: act\nenabled: false\n")
    await send(line, github, github.add_run(log=DNS, sha="2" * 40, branch="other"))
    guard_yaml.write_text("mode: nonsense, so the last good one stays\n")
    await send(line, github, github.add_run(log=DNS, sha="3" * 40, branch="third"))
    assert len(reruns(github)) == 1
    assert [item["status"] for item in await line.failures()] == ["healing", "open", "open"]


@pytest.mark.parametrize(
    ("text", "guard"),
    [
        ("mode: act\nenabled: false\n", "kill_switch"),
        ("mode: observe\n", "mode"),
        ("mode: suggest\n", "mode"),
        ("mode: act\nnever_rerun: [tests]\n", "never_rerun"),
        (
            "mode: act\nmaintenance: [{from: 2020-01-01T00:00Z, to: 2099-01-01T00:00Z}]\n",
            "maintenance",
        ),
    ],
)
async def test_what_people_stop_while_a_re_run_waits_is_not_done(
    github, line, tmp_path, text, guard
):
    run = github.add_run(log=DNS)
    await send(line, github, run)
    github.finish_run(run, "failure", DNS)
    await send(line, github, run)
    assert (await line.failures())[-1]["plan"]["steps"][0]["params"]["wait"] > 0
    (tmp_path / "guard.yaml").write_text(text)
    await line.hurry()
    assert len(reruns(github)) == 1
    newest = (await line.failures())[-1]
    assert (refused(newest), newest["status"]) == ({guard}, "open")
    (tmp_path / "guard.yaml").write_text("mode: act\n")
    await send(line, github, run)
    await line.hurry()
    assert len(reruns(github)) == 1


async def test_a_strangers_first_request_is_left_to_a_maintainer(github, line):
    pull = github.add_pull(head_repo="someone/shop", branch="patch-1")
    pull.author_association = "FIRST_TIME_CONTRIBUTOR"
    run = github.add_run(log=DNS, branch="patch-1", head_repo="someone/shop", event="pull_request")
    await send(line, github, run)
    (failure,) = await line.failures()
    assert refused(failure) == {"forks"}


async def test_a_gitlab_project_is_stricter_than_the_service(gitlab, gitlab_line):
    project, _, pipeline, _ = red_pipeline(gitlab, GITLAB_DNS)
    project.trees[project.branches["main"]] = {OWN: b"max_reruns: 0"}
    hook = gitlab.pipeline_hook(pipeline)
    await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()
    (failure,) = await gitlab_line.failures()
    assert refused(failure) == {"attempts"}


async def test_a_cancelled_deploy_on_gitlab_is_not_retried_along(gitlab, gitlab_line):
    _, _, pipeline, job = red_pipeline(gitlab, GITLAB_DNS)
    gitlab.add_job(pipeline, "deploy", status="canceled")
    pipeline.status = "failed"
    hook = gitlab.pipeline_hook(pipeline)
    await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()
    (call,) = gitlab.calls("POST", "/retry")
    assert call.path.endswith(f"/jobs/{job.id}/retry")


@pytest.mark.parametrize("bridge", [False, True])
async def test_a_deployment_that_waits_on_gitlab_is_not_started_by_a_retry(
    gitlab, gitlab_line, bridge
):
    project = gitlab.add_project("acme/shop")
    sha = project.branches["main"]
    pipeline = gitlab.add_pipeline(project, ref="main", sha=sha)
    gitlab.add_job(pipeline, "test", status="failed", trace=GITLAB_DNS + END)
    gitlab.add_job(pipeline, "deploy", status="skipped", bridge=bridge)
    pipeline.status = "failed"
    hook = gitlab.pipeline_hook(pipeline)
    await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()
    (failure,) = await gitlab_line.failures()
    assert refused(failure) == {"dependents"}
    assert gitlab.calls("POST", "/retry") == []


async def test_what_stays_red_on_the_target_is_not_re_run_on_the_request(github, line):
    broken = github.add_run(log=DNS, branch="main", sha="a" * 40)
    await send(line, github, broken)
    github.finish_run(broken, "failure", DNS)
    await send(line, github, broken)
    github.add_pull()
    await send(line, github, github.add_run(log=DNS))
    *_, failure = await line.failures()
    assert (failure["branch"], failure["status"]) == ("feature", "escalated")
    assert refused(failure) == {"same_on_target"}
    (body,) = comments(github)
    assert "the same failure is on main" in body


async def test_a_flake_on_the_target_is_re_run_on_the_request(github, line):
    flaky = github.add_run(log=DNS, branch="main", sha="a" * 40)
    await send(line, github, flaky)
    github.finish_run(flaky)
    await send(line, github, flaky)
    github.add_pull()
    await send(line, github, github.add_run(log=DNS))
    *_, failure = await line.failures()
    assert failure["status"] == "healing"


async def test_a_deploy_that_ran_after_the_failed_job_is_not_started_again(github, line):
    run = github.add_run(log=DNS, jobs={"tests": "failure", "deploy": "success"})
    run.needs = {"deploy": {"tests"}}  # it ran all the same: `if: always()`
    await send(line, github, run)
    (failure,) = await line.failures()
    assert refused(failure) == {"dependents"}
    assert "may start deploy again" in failure["plan"]["refusals"][0]["reason"]
    assert reruns(github) == []


async def test_a_deploy_that_ran_beside_the_failed_job_stays_as_it_is(github, line):
    run = github.add_run(log=DNS, jobs={"tests": "failure", "deploy": "success"})
    await send(line, github, run)
    assert len(reruns(github)) == 1
    assert run.job("deploy").conclusion == "success"


@pytest.mark.parametrize("policy", [
    "mode: act", "mode: act\nlet_protected_start: true",
], indirect=True)  # fmt: skip
async def test_a_deploy_that_waits_on_a_branch_starts_only_where_that_is_wanted(
    github, line, policy
):
    run = github.add_run(log=DNS, jobs={"tests": "failure", "deploy": "skipped"}, branch="main",
                         sha="a" * 40)  # fmt: skip
    run.needs = {"deploy": {"tests"}}
    await send(line, github, run)
    (failure,) = await line.failures()
    wanted = "let_protected_start" in policy
    assert refused(failure) == (set() if wanted else {"dependents"})


@pytest.mark.parametrize(
    "policy", ["mode: act", "mode: observe\njobs: {tests: {mode: act}}"], indirect=True
)
async def test_what_our_credentials_may_not_do_is_said_before_it_is_tried(github, line):
    github.world.read_only.add("acme/shop")
    await send(line, github, github.add_run(log=DNS))
    (failure,) = await line.failures()
    assert refused(failure) == {"permission"}
    assert reruns(github) == []


@pytest.mark.parametrize("policy", ["mode: suggest"], indirect=True)
async def test_so_is_it_to_a_person_who_asks(github, line):
    github.world.read_only.add("acme/shop")
    pull = github.add_pull()
    await send(line, github, github.add_run(log=DNS, pulls=(pull.number,)))
    github.add_repo().people["ann"] = "write"
    comment = github.add_comment(pull, "ann", "/guard retry")
    await line.post("github", *github.comment_hook(pull, comment))
    await line.settle()
    assert reruns(github) == []
    (body,) = [text for text in comments(github) if text != "/guard retry"]
    assert "we lack write access" in body


@pytest.mark.parametrize(
    "policy",
    ["mode: act\nrepositories: {acme/*: {organisation_budgets: {reruns_per_day: 1}}}"],
    indirect=True,
)
async def test_an_organisation_has_a_budget_of_its_own(github, line):
    for name in ("acme/shop", "acme/blog", "other/shop", "other/blog"):
        await send(line, github, github.add_run(name, log=DNS))
    assert [path.split("/")[2:4] for path in reruns(github)] == [
        ["acme", "shop"], ["other", "shop"], ["other", "blog"],
    ]  # fmt: skip
    held = (await line.failures())[1]
    assert refused(held) == {"budget"}
    assert "this organisation" in held["plan"]["refusals"][0]["reason"]
