"""Retries happen once: not while one runs, not twice after a lost answer, not without a right."""

import pytest
from tests.fakes.gitlab import FakeGitLab, Pipeline
from tests.fakes.gitlab.world import REPORTER, Token

from pipeline_guard.domain.events import Event
from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.errors import Conflict, NotAuthorized, PlatformUnavailable, Rejected
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform


@pytest.fixture
def pipeline(fake: FakeGitLab) -> Pipeline:
    made = fake.add_pipeline(fake.add_project("group/app"))
    fake.add_job(made, "lint", status="failed")
    fake.add_job(made, "unit", status="failed")
    fake.add_job(made, "deploy", stage="deploy", status="skipped")
    return made


async def read(platform: GitLabPlatform, pipeline: Pipeline) -> Run:
    return await platform.read_run(Event("run_finished", "gitlab", "group/app", str(pipeline.id)))


def named(run: Run, name: str) -> Job:
    return next(job for job in run.jobs if job.name == name)


async def test_failed_jobs_are_retried_in_the_same_run(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline
) -> None:
    run = await read(platform, pipeline)
    result = await platform.rerun(run, "failed_jobs", None)
    assert result.url == run.url
    again = await platform.refresh(run)
    assert (again.run_id, again.attempt, again.status) == (run.run_id, 2, "in_progress")
    fake.finish(pipeline)
    again = await platform.refresh(run)
    assert (again.attempt, again.conclusion) == (2, "success")


async def test_one_job_is_retried_alone(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline
) -> None:
    run = await read(platform, pipeline)
    result = await platform.rerun(run, "job", named(run, "unit"))
    again = await platform.refresh(run)
    assert named(again, "lint").id == named(run, "lint").id
    assert named(again, "unit").id != named(run, "unit").id
    assert result.url == named(again, "unit").url
    with pytest.raises(Rejected):
        await platform.rerun(
            await read(platform, fake.add_pipeline(fake.world.projects[pipeline.project_id])),
            "job",
            None,
        )


@pytest.mark.parametrize("scope", ["failed_jobs", "job"])
async def test_nothing_is_posted_while_the_pipeline_runs_or_after_it_was_retried(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline, scope: str
) -> None:
    run = await read(platform, pipeline)
    unit = named(run, "unit")
    await platform.rerun(run, "job", unit)
    for _ in range(2):  # first it runs, then it is over
        with pytest.raises(Conflict):
            await platform.rerun(run, scope, unit)  # type: ignore[arg-type]
        fake.finish(pipeline, unit="failed")
    assert len(fake.calls("POST")) == 1
    fresh = await platform.refresh(run)
    with pytest.raises(Conflict, match="retried already"):
        await platform.rerun(fresh, "job", unit)
    assert len(fake.calls("POST")) == 1


async def test_a_retry_that_leaves_the_attempt_as_it_is_counts_too(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline
) -> None:
    first = await read(platform, pipeline)
    await platform.rerun(first, "job", named(first, "unit"))
    fake.finish(pipeline, unit="failed")
    second = await read(platform, pipeline)
    await platform.rerun(second, "job", named(second, "lint"))  # as often as the unit job now
    fake.finish(pipeline, lint="failed")
    assert (await read(platform, pipeline)).attempt == second.attempt == 2
    with pytest.raises(Conflict):
        await platform.rerun(second, "failed_jobs", None)


@pytest.mark.parametrize("scope", ["failed_jobs", "job"])
@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_lost_answer_is_looked_up_not_posted_again(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline, scope: str, status: int
) -> None:
    run = await read(platform, pipeline)
    fake.fail_next("POST", "/retry", status, after=True)
    await platform.rerun(run, scope, named(run, "unit"))  # type: ignore[arg-type]
    assert len(fake.calls("POST")) == 1
    assert (await platform.refresh(run)).attempt == 2


@pytest.mark.parametrize("scope", ["failed_jobs", "job"])
async def test_a_retry_that_did_not_happen_is_said_to_be_worth_another_try(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline, scope: str
) -> None:
    run = await read(platform, pipeline)
    fake.fail_next("POST", "/retry", 502)
    with pytest.raises(PlatformUnavailable) as caught:
        await platform.rerun(run, scope, named(run, "unit"))  # type: ignore[arg-type]
    assert caught.value.worth_retry
    assert len(fake.calls("POST")) == 1
    await platform.rerun(run, scope, named(run, "unit"))  # type: ignore[arg-type]
    assert (await platform.refresh(run)).attempt == 2


async def test_a_job_is_not_taken_for_another_one_of_which_only_the_secret_differs(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline
) -> None:
    for key in ("AKIA2345678901234567", "AKIA7654321076543210"):
        fake.add_job(pipeline, f"test ({key})", status="failed")
    run = await read(platform, pipeline)
    fake.fail_next("POST", "/retry", 502)
    *_, last = (job for job in run.jobs if job.name == "test ([redacted])")
    with pytest.raises(PlatformUnavailable):
        await platform.rerun(run, "job", last)


async def test_a_job_gitlab_will_not_retry_is_a_conflict(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline
) -> None:
    run = await read(platform, pipeline)
    with pytest.raises(Conflict, match="not retryable"):
        await platform.rerun(run, "job", named(run, "deploy"))


async def test_a_pipeline_without_jobs_has_nothing_to_retry(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    broken = fake.add_pipeline(fake.add_project("group/app"), status="failed")
    with pytest.raises(Rejected, match="no failed job"):
        await platform.rerun(await read(platform, broken), "failed_jobs", None)
    assert not fake.calls("POST")


async def test_a_retry_that_retried_nothing_is_not_taken_for_one(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    made = fake.add_pipeline(fake.add_project("group/app"))
    fake.add_job(made, "child", status="failed", bridge=True)
    with pytest.raises(Rejected, match="retried no job"):
        await platform.rerun(await read(platform, made), "failed_jobs", None)


async def test_missing_rights_are_said_so(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline
) -> None:
    run = await read(platform, pipeline)
    fake.world.projects[pipeline.project_id].members[fake.bot] = REPORTER
    for scope in ("failed_jobs", "job"):
        with pytest.raises(NotAuthorized, match="403"):
            await platform.rerun(run, scope, named(run, "unit"))  # type: ignore[arg-type]
    fake.world.tokens[fake.token] = Token(fake.bot, ("read_api",))
    with pytest.raises(NotAuthorized, match="insufficient_scope"):
        await platform.rerun(run, "failed_jobs", None)


async def test_what_gitlab_cannot_do_is_not_declared(
    platform: GitLabPlatform, pipeline: Pipeline
) -> None:
    assert "rerun_run" not in platform.capabilities
    with pytest.raises(Rejected):
        await platform.rerun(await read(platform, pipeline), "run", None)
