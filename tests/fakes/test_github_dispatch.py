"""The fake's dispatches hold up against PyGithub, a client that knows nothing of it."""

import github
import pytest
from github.Workflow import Workflow
from tests.fakes.github import FakeGitHub
from tests.fakes.github.workflows import PATH
from tests.fakes.test_github_fake import connect

ON = "on: {workflow_dispatch: {inputs: {runner: {type: choice, options: [a, b]}}}}\n"
JOBS = "name: CI\njobs: {tests: {runs-on: '${{ inputs.runner }}'}, lint: {name: Lint}}\n"


@pytest.fixture
def fake(github_server: FakeGitHub) -> FakeGitHub:
    github_server.reset()
    github_server.add_repo(feature="1" * 40).files[PATH] = (ON + JOBS).encode()
    return github_server


def workflow(fake: FakeGitHub, token: str | None = None) -> Workflow:
    return connect(fake, token).get_repo("acme/shop").get_workflow("ci.yml")


def refused(fake: FakeGitHub, ref: str, inputs: dict[str, str], token: str | None = None) -> str:
    with pytest.raises(github.GithubException) as error:
        workflow(fake, token).create_dispatch(ref, inputs, throw=True)
    return f"{error.value.status} {error.value.message}"


def test_a_dispatch_is_a_run_of_its_own_on_the_branch_as_it_is(fake: FakeGitHub) -> None:
    made = workflow(fake).create_dispatch("feature", {"runner": "b"}, return_run_details=True)
    run = connect(fake).get_repo("acme/shop").get_workflow_run(made.id)
    assert (run.event, run.head_branch, run.head_sha) == ("workflow_dispatch", "feature", "1" * 40)
    assert (run.actor.login, run.run_attempt, run.conclusion) == ("guard-bot", 1, None)
    assert [job.name for job in run.jobs()] == ["tests", "Lint"]
    assert made.html_url == run.html_url
    assert fake.world.repos["acme/shop"].runs[run.id].inputs == {"runner": "b"}


def test_without_the_wish_for_details_and_on_older_servers_it_is_silent(fake: FakeGitHub) -> None:
    assert workflow(fake).create_dispatch("feature", {"runner": "a"}) is True
    fake.world.dispatches = "silence"
    assert workflow(fake).create_dispatch("feature", {}, return_run_details=True) is True
    assert [call.status for call in fake.calls("POST")] == [204, 204]
    fake.world.dispatches = "strict"
    with pytest.raises(github.GithubException, match="return_run_details"):
        workflow(fake).create_dispatch("feature", {}, throw=True, return_run_details=True)


def test_its_run_is_found_by_who_where_and_when(fake: FakeGitHub) -> None:
    pushed = fake.add_run()
    workflow(fake).create_dispatch("feature", {"runner": "a"})
    other = fake.add_run(actor="ann", event="workflow_dispatch")
    listed = workflow(fake).get_runs(
        actor="guard-bot", branch="feature", event="workflow_dispatch", head_sha="1" * 40,
        created=">=2026-11-21T00:00:00Z",
    )  # fmt: skip
    (found,) = listed
    assert found.id not in (pushed.id, other.id)
    assert found.event == "workflow_dispatch"
    assert list(workflow(fake).get_runs(head_sha="2" * 40)) == []
    assert list(workflow(fake).get_runs(created=">=2099-01-01T00:00:00Z")) == []


@pytest.mark.parametrize(
    ("ref", "inputs", "said"),
    [
        ("", {}, '422 Invalid request. "ref" wasn'),
        ("gone", {}, "422 No ref found for: gone"),
        ("feature", {"runner": "c"}, "422 Provided value 'c' for input 'runner' not in the list"),
        ("feature", {"colour": "red"}, "422 Unexpected inputs provided"),
    ],
)
def test_what_it_does_not_take(
    fake: FakeGitHub, ref: str, inputs: dict[str, str], said: str
) -> None:
    assert refused(fake, ref, inputs).startswith(said)
    assert not fake.world.repos["acme/shop"].runs


@pytest.mark.parametrize("on", ["on: push\n", "on: [push]\n", "on: {push: {}}\n"])
def test_a_workflow_that_cannot_be_dispatched(fake: FakeGitHub, on: str) -> None:
    fake.world.repos["acme/shop"].files[PATH] = (on + JOBS).encode()
    assert "422 Workflow does not have 'workflow_dispatch'" in refused(fake, "feature", {})


def test_a_required_input_and_a_right_that_is_missing(fake: FakeGitHub) -> None:
    on = "on: {workflow_dispatch: {inputs: {runner: {required: true}}}}\n"
    fake.world.repos["acme/shop"].files[PATH] = (on + JOBS).encode()
    assert "422 Required input 'runner'" in refused(fake, "feature", {})
    fake.add_token("reader", "reader", actions="read")
    assert "403" in refused(fake, "feature", {"runner": "a"}, "reader")
    fake.fail("POST", "/dispatches", 502, after=True)
    assert "502" in refused(fake, "feature", {"runner": "a"})
    assert len(fake.world.repos["acme/shop"].runs) == 1, "a 502 after the work was done"
