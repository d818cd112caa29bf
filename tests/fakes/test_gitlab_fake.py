"""Drives the fake GitLab with python-gitlab, a client that knows nothing of ours."""

from collections.abc import Iterator

import gitlab
import pytest
import requests
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.gitlab.world import DEVELOPER, REPORTER, Token


@pytest.fixture
def fake() -> Iterator[FakeGitLab]:
    with FakeGitLab(prefix="/git") as server:
        yield server


@pytest.fixture
def client(fake: FakeGitLab) -> gitlab.Gitlab:
    return gitlab.Gitlab(fake.url, private_token=fake.token, timeout=5)


def test_knows_who_asks(fake: FakeGitLab, client: gitlab.Gitlab) -> None:
    client.auth()
    assert client.user is not None
    assert client.user.username == fake.bot
    assert client.version()[0] == "19.1.0-fake"


def test_refuses_strangers(fake: FakeGitLab) -> None:
    with pytest.raises(gitlab.GitlabAuthenticationError):
        gitlab.Gitlab(fake.url, private_token="guess").auth()


def test_takes_a_bearer_token_too(fake: FakeGitLab) -> None:
    client = gitlab.Gitlab(fake.url, oauth_token=fake.token)
    client.auth()
    assert client.user is not None


def test_hides_projects_from_those_who_are_no_members(
    fake: FakeGitLab, client: gitlab.Gitlab
) -> None:
    project = fake.add_project("group/app")
    assert client.projects.get("group/app").id == project.id
    project.members.clear()
    with pytest.raises(gitlab.GitlabGetError) as caught:
        client.projects.get(project.id)
    assert caught.value.response_code == 404


def test_retries_the_failed_jobs_of_a_pipeline_under_new_ids(
    fake: FakeGitLab, client: gitlab.Gitlab
) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    fake.add_job(pipeline, "lint")
    old = fake.add_job(pipeline, "test", status="failed")
    fake.add_job(pipeline, "deploy", stage="deploy", status="skipped")
    seen = client.projects.get("group/app").pipelines.get(pipeline.id)
    assert seen.status == "failed"

    seen.retry()

    seen = client.projects.get("group/app").pipelines.get(pipeline.id)
    assert seen.status == "running"
    newest = {job.name: job for job in seen.jobs.list(get_all=True)}
    assert newest["test"].id != old.id
    assert newest["test"].status == "pending"
    assert newest["deploy"].status == "created"
    assert len(seen.jobs.list(get_all=True, include_retried=True)) == 4

    fake.finish(pipeline, test="failed")
    assert client.projects.get("group/app").pipelines.get(pipeline.id).status == "failed"
    seen.retry()
    fake.finish(pipeline)
    assert client.projects.get("group/app").pipelines.get(pipeline.id).status == "success"


def test_a_job_is_retried_once_only(fake: FakeGitLab, client: gitlab.Gitlab) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    job = fake.add_job(pipeline, "test", status="failed")
    handle = client.projects.get("group/app").jobs.get(job.id)
    assert handle.retry()["id"] != job.id
    with pytest.raises(gitlab.GitlabJobRetryError, match="not retryable") as caught:
        handle.retry()
    assert caught.value.response_code == 403


def test_lists_what_jobs_deployed(fake: FakeGitLab, client: gitlab.Gitlab) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    job = fake.add_job(pipeline, "ship", status="skipped", environment="production")
    fake.add_job(pipeline, "tear down", environment="review/a", action="stop")
    handle = client.projects.get("group/app")
    bounds = {"order_by": "updated_at", "sort": "desc", "get_all": True}
    (found,) = handle.deployments.list(updated_after=pipeline.created_at, **bounds)
    assert (found.environment["name"], found.status) == ("production", "skipped")
    assert found.deployable["id"] == job.id
    assert found.deployable["pipeline"]["id"] == pipeline.id
    assert not handle.deployments.list(updated_after="2027-01-01T00:00:00Z", **bounds)
    with pytest.raises(gitlab.GitlabListError, match="paired"):
        handle.deployments.list(updated_after=pipeline.created_at)


@pytest.mark.parametrize("level", [REPORTER, DEVELOPER])
def test_retrying_needs_a_developer(fake: FakeGitLab, client: gitlab.Gitlab, level: int) -> None:
    project = fake.add_project("group/app")
    pipeline = fake.add_pipeline(project)
    fake.add_job(pipeline, "test", status="failed")
    handle = client.projects.get(project.id).pipelines.get(pipeline.id)
    project.members[fake.bot] = level
    if level == DEVELOPER:
        handle.retry()
        return
    with pytest.raises(gitlab.GitlabPipelineRetryError) as caught:
        handle.retry()
    assert caught.value.response_code == 403


def test_a_token_for_reading_cannot_write(fake: FakeGitLab, client: gitlab.Gitlab) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    fake.world.tokens[fake.token] = Token(fake.bot, ("read_api",))
    handle = client.projects.get("group/app").pipelines.get(pipeline.id)
    with pytest.raises(gitlab.GitlabPipelineRetryError, match="insufficient_scope"):
        handle.retry()


def test_a_trace_comes_from_storage_on_another_origin(
    fake: FakeGitLab, client: gitlab.Gitlab
) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    job = fake.add_job(pipeline, "test", status="failed", trace=b"line one\nline two\n")
    handle = client.projects.get("group/app").jobs.get(job.id)
    assert handle.trace() == job.trace
    fake.store_logs_apart = True
    assert handle.trace() == job.trace
    assert len(fake.storage_headers) == 1
    fake.expire_next_links = 1
    with pytest.raises(gitlab.GitlabGetError):
        handle.trace()


def test_lists_come_in_pages(fake: FakeGitLab, client: gitlab.Gitlab) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    for number in range(45):
        fake.add_job(pipeline, f"test {number}")
    handle = client.projects.get("group/app").pipelines.get(pipeline.id)
    assert len(handle.jobs.list(get_all=False)) == 20
    page = handle.jobs.list(iterator=True, per_page=20)
    assert (page.next_page, page.total, page.total_pages) == (2, 45, 3)
    assert len({job.id for job in handle.jobs.list(get_all=True, per_page=10)}) == 45


def test_notes_are_found_edited_and_limited(fake: FakeGitLab, client: gitlab.Gitlab) -> None:
    request = fake.add_merge_request(fake.add_project("group/app"), "feature")
    fake.add_note(request, "dev", "changed the title", system=True)
    handle = client.projects.get("group/app").mergerequests.get(request.iid)
    note = handle.notes.create({"body": "first"})
    note.body = "second"
    note.save()
    assert handle.notes.get(note.id).body == "second"
    assert [one.body for one in handle.notes.list(activity_filter="only_comments")] == ["second"]
    with pytest.raises(gitlab.GitlabCreateError, match="too long"):
        handle.notes.create({"body": "x" * 1_000_001})
    theirs = handle.notes.get(fake.add_note(request, "dev", "mine").id)
    theirs.body = "no"
    with pytest.raises(gitlab.GitlabUpdateError):
        theirs.save()


def test_a_note_acts_on_quick_actions(fake: FakeGitLab, client: gitlab.Gitlab) -> None:
    request = fake.add_merge_request(fake.add_project("group/app"), "feature")
    handle = client.projects.get("group/app").mergerequests.get(request.iid)
    note = handle.notes.create({"body": "bye\n/close\n"})
    assert note.body == "bye\n"
    assert request.state == "closed"


def test_requests_are_listed_by_branch_and_state(fake: FakeGitLab, client: gitlab.Gitlab) -> None:
    project = fake.add_project("group/app")
    fork = fake.add_project("dev/app", forked_from=project)
    fake.add_merge_request(project, "feature", state="merged")
    request = fake.add_merge_request(project, "feature", source=fork)
    handle = client.projects.get(project.id)
    found = handle.mergerequests.list(state="opened", source_branch="feature")
    assert [one.iid for one in found] == [request.iid]
    assert found[0].source_project_id == fork.id
    assert client.projects.get(fork.id).forked_from_project["id"] == project.id
    assert handle.branches.get("main").commit["id"] == project.branches["main"]


def test_a_push_makes_another_version(fake: FakeGitLab, client: gitlab.Gitlab) -> None:
    request = fake.add_merge_request(fake.add_project("group/app"), "feature", sha="b" * 40)
    fake.push(request, "c" * 40, "2026-11-20T10:01:00.000Z")
    handle = client.projects.get("group/app").mergerequests.get(request.iid)
    newest, oldest = handle.diffs.list(get_all=True)
    assert (newest.head_commit_sha, oldest.head_commit_sha) == (handle.sha, "b" * 40)
    assert newest.created_at > oldest.created_at


def test_a_fault_after_success_did_the_work(fake: FakeGitLab, client: gitlab.Gitlab) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    fake.add_job(pipeline, "test", status="failed")
    handle = client.projects.get("group/app").pipelines.get(pipeline.id)
    fake.fail_next("POST", "/retry", 502)
    with pytest.raises(gitlab.GitlabPipelineRetryError):
        handle.retry()
    assert pipeline.status == "failed"
    fake.fail_next("POST", "/retry", 502, after=True)
    with pytest.raises(gitlab.GitlabPipelineRetryError):
        handle.retry()
    assert pipeline.status == "running"


def test_the_limit_runs_out_and_says_when_it_is_back(fake: FakeGitLab) -> None:
    fake.limit(1, seconds=30)
    address = f"{fake.url}/api/v4/user"
    headers = {"PRIVATE-TOKEN": fake.token}
    assert requests.get(address, headers=headers, timeout=5).status_code == 200
    answer = requests.get(address, headers=headers, timeout=5)
    assert answer.status_code == 429
    assert 28 <= int(answer.headers["Retry-After"]) <= 30


def test_issues_are_opened_found_edited_and_closed(fake: FakeGitLab, client: gitlab.Gitlab) -> None:
    fake.add_project("group/app")
    handle = client.projects.get("group/app")
    issue = handle.issues.create({"title": "Red", "description": "why", "labels": "ci,red"})
    assert (issue.iid, issue.labels, issue.author["username"]) == (1, ["ci", "red"], fake.bot)
    issue.description = "more"
    issue.save()
    assert handle.issues.get(1).description == "more"
    assert not handle.issues.list(get_all=True, author_username="dev")
    issue.state_event = "close"
    issue.save()
    assert not handle.issues.list(get_all=True, state="opened")


def test_a_commit_on_a_new_branch_becomes_one_request(
    fake: FakeGitLab, client: gitlab.Gitlab
) -> None:
    project = fake.add_project("group/app")
    handle = client.projects.get("group/app")
    start = project.branches["main"]
    change = {
        "branch": "fix",
        "start_sha": start,
        "commit_message": "Fix it",
        "actions": [
            {"action": "update", "file_path": "README.md", "content": "Better\n"},
            {"action": "create", "file_path": "a/b.txt", "content": "new"},
        ],
    }
    commit = handle.commits.create(change)
    assert commit.parent_ids == [start]
    assert handle.branches.get("fix").commit["id"] == commit.id
    assert handle.files.get("a/b.txt", ref="fix").decode() == b"new"
    with pytest.raises(gitlab.GitlabCreateError, match="already exists"):
        handle.commits.create(change)
    change |= {"branch": "other", "actions": [{"action": "update", "file_path": "no"}]}
    with pytest.raises(gitlab.GitlabCreateError):
        handle.commits.create(change)

    wanted = {"source_branch": "fix", "target_branch": "main", "title": "Fix it"}
    request = handle.mergerequests.create(wanted)
    assert (request.iid, request.sha) == (1, commit.id)
    with pytest.raises(gitlab.GitlabCreateError) as caught:
        handle.mergerequests.create(wanted)
    assert caught.value.response_code == 409
