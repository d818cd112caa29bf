"""What is read back from GitLab about a pipeline, its jobs, its request and its logs."""

from pathlib import Path

import pytest
from tests.fakes.gitlab import FakeGitLab, Pipeline, Project

from pipeline_guard.domain.events import Event
from pipeline_guard.errors import NotFound, PlatformUnavailable
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform


def event(fake: FakeGitLab, pipeline: Pipeline) -> Event:
    project = fake.world.projects[pipeline.project_id]
    return Event(
        "run_finished", "gitlab", project.path, str(pipeline.id), hints={"project_id": project.id}
    )


async def test_reads_a_failed_branch_pipeline(
    fake: FakeGitLab, platform: GitLabPlatform, tmp_path: Path
) -> None:
    project = fake.add_project("group/sub/app")
    pipeline = fake.add_pipeline(project, user="dev", sha="a" * 40)
    fake.add_job(pipeline, "lint")
    fake.add_job(pipeline, "unit", status="failed", failure_reason="runner_system_failure")
    fake.add_job(pipeline, "audit", status="failed", allow_failure=True)
    fake.add_job(pipeline, "slow", status="failed", failure_reason="stuck_or_timeout_failure")
    fake.add_job(pipeline, "deploy", status="manual")

    run = await platform.read_run(event(fake, pipeline))

    assert (run.platform, run.repository, run.run_id) == (
        "gitlab",
        "group/sub/app",
        str(pipeline.id),
    )
    assert (run.attempt, run.status, run.conclusion) == (1, "completed", "failure")
    assert (run.branch, run.commit, run.head_sha) == ("main", "a" * 40, project.branches["main"])
    assert (run.actor, run.trigger, run.request) == ("dev", "push", None)
    assert run.started_at is not None
    assert run.started_at.tzinfo is not None
    assert [(job.name, job.conclusion) for job in run.jobs] == [
        ("lint", "success"),
        ("unit", "failure"),
        ("audit", "other"),
        ("slow", "timed_out"),
        ("deploy", None),
    ]
    assert [job.name for job in run.failed_jobs] == ["unit", "slow"]
    unit = run.failed_jobs[0]
    assert await platform.annotations(run, unit) == ("failure_reason: runner_system_failure",)
    log = tmp_path / "trace.log"
    log.write_text("one\n\nthree\n")
    (link,) = platform.log_line_urls(run, unit, log, [3])
    assert str(link).endswith(f"/-/jobs/{unit.id}#L2")


async def test_the_address_in_the_event_is_enough(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/sub/app"))
    fake.add_job(pipeline, "unit")
    run = await platform.read_run(
        Event("run_finished", "gitlab", "group/sub/app", str(pipeline.id))
    )
    assert run.conclusion == "success"


async def test_attempts_count_the_job_tried_most_often(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    first = fake.add_job(pipeline, "unit", status="failed")
    fake.add_job(pipeline, "lint", status="failed")
    fake.world.retry_pipeline(pipeline, "dev")
    fake.finish(pipeline, unit="failed")
    newest = next(job for job in fake.world.jobs_of(pipeline.id) if job.name == "unit")
    fake.world.retry(newest, "dev")

    run = await platform.read_run(event(fake, pipeline))

    assert (run.attempt, run.status, run.conclusion) == (3, "in_progress", None)
    assert sorted(job.name for job in run.jobs) == ["lint", "unit"]
    unit = next(job for job in run.jobs if job.name == "unit")
    assert unit.id not in (str(first.id), str(newest.id))
    assert unit.tries == 3
    fake.finish(pipeline)
    assert (await platform.refresh(run)).conclusion == "success"

    one, two = await platform.earlier(run, [1, 2])
    assert [(job.name, job.tries) for job in one.failed_jobs] == [("unit", 1), ("lint", 1)]
    assert one.failed_jobs[0].id == str(first.id)
    assert [job.id for job in two.failed_jobs] == [str(newest.id)]
    assert (two.attempt, two.conclusion) == (2, "failure")
    assert two.finished_at is not None


async def test_many_jobs_are_read_page_by_page_from_our_own_address(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    for number in range(250):
        fake.add_job(pipeline, f"test {number}/250")
    fake.api.external_url = "http://192.0.2.1"
    try:
        run = await platform.read_run(event(fake, pipeline))
    finally:
        fake.api.external_url = fake.url.removesuffix("/git")
    assert len(run.jobs) == 250
    assert len(fake.calls("GET", "/jobs")) == 3


async def test_the_request_of_a_merge_request_pipeline_is_in_its_ref(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    project = fake.add_project("group/app")
    fork = fake.add_project("dev/app", forked_from=project)
    request = fake.add_merge_request(project, "feature", source=fork, sha="b" * 40)
    pipeline = fake.add_pipeline(
        project, ref=f"refs/merge-requests/{request.iid}/head", sha="b" * 40
    )
    fake.add_job(pipeline, "unit", status="failed")
    request.head_pipeline_id = pipeline.id

    run = await platform.read_run(event(fake, pipeline))

    assert run.request is not None
    assert (run.request.number, run.request.from_fork) == (request.iid, True)
    assert (run.branch, run.commit, run.head_sha) == ("feature", "b" * 40, "b" * 40)
    fork.branches["feature"] = request.sha = "c" * 40
    assert (await platform.refresh(run)).head_sha == "c" * 40
    request.state = "merged"
    assert (await platform.refresh(run)).request is None


async def test_the_request_of_a_branch_pipeline_is_the_open_one_of_that_branch(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    project = fake.add_project("group/app")
    fork = fake.add_project("dev/app", forked_from=project)
    fake.add_merge_request(project, "feature", state="closed", sha="b" * 40)
    theirs = fake.add_merge_request(project, "feature", source=fork, sha="c" * 40)
    ours = fake.add_merge_request(project, "feature")

    async def request_of(home: Project) -> tuple[int, bool]:
        pipeline = fake.add_pipeline(home, ref="feature")
        fake.add_job(pipeline, "unit", status="failed")
        found = (await platform.read_run(event(fake, pipeline))).request
        assert found is not None
        return found.number, found.from_fork

    assert await request_of(project) == (ours.iid, False)
    assert await request_of(fork) == (theirs.iid, True)


async def test_no_request_where_they_are_switched_off_and_none_for_tags(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    project = fake.add_project("group/app")
    project.requests_enabled = False
    pipeline = fake.add_pipeline(project)
    fake.add_job(pipeline, "unit")
    assert (await platform.read_run(event(fake, pipeline))).request is None
    tag = fake.add_pipeline(project, ref="v1", tag=True)
    fake.add_job(tag, "unit")
    run = await platform.read_run(event(fake, tag))
    assert (run.request, run.head_sha) == (None, None)


async def test_a_pipeline_without_jobs_failed_by_its_configuration(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    pipeline = fake.add_pipeline(
        fake.add_project("group/app"), status="failed", yaml_errors="jobs:unit: unknown key\n"
    )
    run = await platform.read_run(event(fake, pipeline))
    (job,) = run.failed_jobs
    assert job.name == "pipeline configuration"
    assert await platform.annotations(run, job) == ("yaml_errors: jobs:unit: unknown key",)
    with pytest.raises(NotFound):
        await anext(platform.stream_log(run, job))
    assert platform.log_line_urls(run, job, Path("job.log"), [1]) == [None]


async def test_a_failed_trigger_job_explains_a_red_pipeline(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    fake.add_job(pipeline, "unit")
    reason = "downstream_pipeline_creation_failed"
    fake.add_job(pipeline, "child", status="failed", bridge=True, failure_reason=reason)
    run = await platform.read_run(event(fake, pipeline))
    (job,) = run.failed_jobs
    assert job.name == "child"
    assert f"failure_reason: {reason}" in await platform.annotations(run, job)


async def read_log(platform: GitLabPlatform, fake: FakeGitLab, pipeline: Pipeline) -> bytes:
    run = await platform.read_run(event(fake, pipeline))
    return b"".join([chunk async for chunk in platform.stream_log(run, run.failed_jobs[0])])


@pytest.fixture
def failed(fake: FakeGitLab) -> Pipeline:
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    fake.add_job(pipeline, "unit", status="failed", trace=b"line\n" * 100_000)
    return pipeline


@pytest.mark.parametrize("apart", [False, True])
async def test_a_log_is_streamed_and_the_token_stays_at_gitlab(
    fake: FakeGitLab, platform: GitLabPlatform, failed: Pipeline, apart: bool
) -> None:
    fake.store_logs_apart = apart
    assert await read_log(platform, fake, failed) == b"line\n" * 100_000
    assert len(fake.storage_headers) == apart
    for headers in fake.storage_headers:
        assert not {"private-token", "authorization", "cookie"} & set(headers)
        assert fake.token not in str(headers)


async def test_a_link_that_ran_out_is_asked_for_anew(
    fake: FakeGitLab, platform: GitLabPlatform, failed: Pipeline
) -> None:
    fake.store_logs_apart, fake.expire_next_links = True, 1
    assert await read_log(platform, fake, failed) == b"line\n" * 100_000
    fake.expire_next_links = 3
    with pytest.raises(PlatformUnavailable, match="ran out"):
        await read_log(platform, fake, failed)


async def test_an_empty_or_missing_log_is_not_found(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    job = fake.add_job(pipeline, "unit", status="failed")
    with pytest.raises(NotFound, match="erased"):
        await read_log(platform, fake, pipeline)
    run = await platform.read_run(event(fake, pipeline))
    del fake.world.jobs[job.id]
    with pytest.raises(NotFound):
        await anext(platform.stream_log(run, run.failed_jobs[0]))
