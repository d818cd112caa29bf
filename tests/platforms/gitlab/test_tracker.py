"""Issues, labels and cancelling on GitLab: once each, whatever goes wrong."""

import pytest
from tests.fakes.gitlab import FakeGitLab, Project
from tests.fakes.gitlab.world import Issue

from pipeline_guard.domain.events import Event
from pipeline_guard.domain.tracker import IssueDraft
from pipeline_guard.errors import Conflict, NotAuthorized, PlatformUnavailable
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform

MARKER = "<!-- fingerprint abc -->"
DRAFT = IssueDraft("Red\n main", f"{MARKER}\nseen once\n/close", ("ci", "red"))


@pytest.fixture
def project(fake: FakeGitLab) -> Project:
    return fake.add_project("group/sub/app")


def issues(fake: FakeGitLab) -> list[Issue]:
    return list(fake.world.issues.values())


async def test_an_issue_is_found_edited_closed_and_opened_again(
    fake: FakeGitLab, platform: GitLabPlatform, project: Project
) -> None:
    ours = platform.issues(project.path)
    assert await ours.find(MARKER) is None
    made = await ours.create(MARKER, DRAFT)
    (issue,) = issues(fake)
    assert (issue.title, issue.labels, made.is_open) == ("Red main", ["ci", "red"], True)

    again = await ours.edit(made, body=f"{MARKER}\nseen twice\n/close", is_open=True)
    await ours.edit(again, body=f"{MARKER}\nseen twice\n/close\n", is_open=True)
    closed = await ours.edit(again, body=f"{MARKER}\nover", is_open=False)
    assert (issue.description, issue.state) == (f"{MARKER}\nover", "closed")
    assert len(fake.calls("PUT")) == 2
    assert await ours.find(MARKER) == closed
    await ours.edit(closed, body=f"{MARKER}\nback", is_open=True)
    assert issue.state == "opened"


async def test_an_issue_of_others_is_not_ours(
    fake: FakeGitLab, platform: GitLabPlatform, project: Project
) -> None:
    fake.world.issues[project.id, 1] = Issue(1, 1, project.id, "mallory", "Red", MARKER)
    assert await platform.issues(project.path).find(MARKER) is None


@pytest.mark.parametrize("after", [True, False])
async def test_a_lost_answer_leaves_one_issue(
    fake: FakeGitLab, platform: GitLabPlatform, project: Project, after: bool
) -> None:
    ours = platform.issues(project.path)
    fake.fail_next("POST", "/issues", 502, after=after)
    if after:
        assert (await ours.create(MARKER, DRAFT)).number == 1
    else:
        with pytest.raises(PlatformUnavailable):
            await ours.create(MARKER, DRAFT)
        await ours.create(MARKER, DRAFT)
    assert len(issues(fake)) == 1


async def test_issues_that_are_switched_off_are_told(
    platform: GitLabPlatform, project: Project
) -> None:
    project.issues_enabled = False
    with pytest.raises(NotAuthorized):
        await platform.issues(project.path).find(MARKER)


async def test_labels_are_put_on_and_taken_off(
    fake: FakeGitLab, platform: GitLabPlatform, project: Project
) -> None:
    request = fake.add_merge_request(project, "feature")
    request.labels = ["theirs"]
    await platform.change_labels(project.path, request.iid, ["ci: flaky"], [])
    assert request.labels == ["theirs", "ci: flaky"]
    await platform.change_labels(project.path, request.iid, [], ["ci: flaky", "not there"])
    await platform.change_labels(project.path, request.iid, [], [])
    assert request.labels == ["theirs"]


async def test_a_pipeline_is_cancelled_once(
    fake: FakeGitLab, platform: GitLabPlatform, project: Project
) -> None:
    pipeline = fake.add_pipeline(project)
    fake.add_job(pipeline, "unit", status="running")
    run = await platform.read_run(Event("run_finished", "gitlab", project.path, str(pipeline.id)))
    await platform.cancel(run)
    assert pipeline.status == "canceled"
    with pytest.raises(Conflict):
        await platform.cancel(run)
