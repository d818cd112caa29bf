"""The newest commit of what a pipeline ran for: what keeps old commits from being retried."""

import pytest
from tests.fakes.gitlab import FakeGitLab, MergeRequest, Pipeline
from tests.platforms.gitlab.test_read import event

from pipeline_guard.errors import PlatformUnavailable
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform

HEAD, MERGED = "b" * 40, "d" * 40


async def head(fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline) -> str | None:
    return (await platform.read_run(event(fake, pipeline))).head_sha


@pytest.fixture
def request_(fake: FakeGitLab) -> MergeRequest:
    """Of a fork."""
    project = fake.add_project("group/app")
    fork = fake.add_project("dev/app", forked_from=project)
    return fake.add_merge_request(project, "feature", source=fork, sha=HEAD)


def of_request(fake: FakeGitLab, request: MergeRequest, kind: str, **more: str) -> Pipeline:
    project = fake.world.projects[request.project_id]
    sha = HEAD if kind == "head" else MERGED
    ref = f"refs/merge-requests/{request.iid}/{kind}"
    pipeline = fake.add_pipeline(project, ref=ref, sha=sha, **more)
    fake.add_job(pipeline, "unit", status="failed")
    request.head_pipeline_id = pipeline.id
    return pipeline


async def test_a_branch_that_is_gone_has_no_newest_commit(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"), ref="deleted/branch")
    assert await head(fake, platform, pipeline) == ""


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_branch_that_cannot_be_read_is_not_taken_for_gone(
    fake: FakeGitLab, platform: GitLabPlatform, status: int
) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    fake.fail_next("GET", "/branches/", status)
    assert await head(fake, platform, pipeline) is None


async def test_trouble_is_worth_another_try(fake: FakeGitLab, platform: GitLabPlatform) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    fake.fail_next("GET", "/branches/", 502, times=3)
    with pytest.raises(PlatformUnavailable):
        await head(fake, platform, pipeline)


@pytest.mark.parametrize("ref", ["refs/workloads/1", "v1"])
async def test_what_is_no_branch_has_none_told(
    fake: FakeGitLab, platform: GitLabPlatform, ref: str
) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"), ref=ref, tag=ref == "v1")
    assert await head(fake, platform, pipeline) is None


@pytest.mark.parametrize("kind", ["merge", "train"])
async def test_a_merged_pipeline_is_current_until_the_request_has_a_newer_one(
    fake: FakeGitLab, platform: GitLabPlatform, request_: MergeRequest, kind: str
) -> None:
    pipeline = of_request(fake, request_, kind)
    assert await head(fake, platform, pipeline) == MERGED
    of_request(fake, request_, kind)
    assert await head(fake, platform, pipeline) == HEAD


@pytest.mark.parametrize("kind", ["merge", "train"])
async def test_a_merged_pipeline_is_old_from_the_push_on_not_from_the_next_pipeline(
    fake: FakeGitLab, platform: GitLabPlatform, request_: MergeRequest, kind: str
) -> None:
    pipeline = of_request(fake, request_, kind)
    fake.push(request_, "c" * 40, "2026-11-20T10:01:00.000Z")
    assert await head(fake, platform, pipeline) == "c" * 40
    newer = of_request(fake, request_, kind, created_at="2026-11-20T10:01:05.000Z")
    assert await head(fake, platform, newer) == MERGED


async def test_without_versions_the_newest_pipeline_counts(
    fake: FakeGitLab, platform: GitLabPlatform, request_: MergeRequest
) -> None:
    pipeline = of_request(fake, request_, "merge")
    fake.fail_next("GET", "/versions", 403)
    assert await head(fake, platform, pipeline) == MERGED
    request_.versions.clear()
    assert await head(fake, platform, pipeline) == MERGED


@pytest.mark.parametrize("kind", ["head", "merge"])
async def test_of_a_closed_request_the_branch_counts(
    fake: FakeGitLab, platform: GitLabPlatform, request_: MergeRequest, kind: str
) -> None:
    pipeline = of_request(fake, request_, kind)
    request_.state = "closed"
    assert await head(fake, platform, pipeline) == pipeline.sha
    fork = fake.world.projects[request_.source_project_id]
    del fork.branches["feature"]
    assert await head(fake, platform, pipeline) == ""
    fork.members.clear()
    assert await head(fake, platform, pipeline) is None
    request_.source_project_id = None  # type: ignore[assignment]  # the fork was deleted
    assert await head(fake, platform, pipeline) == ""
