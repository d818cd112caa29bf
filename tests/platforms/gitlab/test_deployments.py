"""Which jobs of a pipeline deploy, by the deployments that GitLab keeps."""

from collections.abc import Mapping

import pytest
from tests.fakes.gitlab import FakeGitLab, Pipeline
from tests.fakes.gitlab.world import Deployment
from tests.platforms.gitlab.test_read import event

from pipeline_guard.errors import PlatformUnavailable, RateLimited
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform


@pytest.fixture
def pipeline(fake: FakeGitLab) -> Pipeline:
    made = fake.add_pipeline(fake.add_project("group/app"))
    fake.add_job(made, "unit", status="failed")
    fake.add_job(made, "Ship it", status="skipped", environment="production")
    return made


async def told(fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline) -> Mapping[str, str]:
    return await platform.environments(await platform.read_run(event(fake, pipeline)))


async def test_a_job_is_known_by_its_deployment_and_one_call_tells_all(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline
) -> None:
    fake.add_job(pipeline, "eu-west-1: [a]", environment="review/feature")
    for action in ("stop", "prepare", "verify", "access"):
        fake.add_job(pipeline, action, environment="production", action=action)
    expected = {"Ship it": "production", "eu-west-1: [a]": "review/feature"}
    assert await told(fake, platform, pipeline) == expected
    assert len(fake.calls("GET", "/deployments")) == 1


async def test_a_retried_job_is_known_by_the_deployment_of_its_first_try(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline
) -> None:
    job = fake.add_job(pipeline, "go", status="failed", environment="staging")
    fake.world.retry(job, "dev")
    assert (await told(fake, platform, pipeline))["go"] == "staging"


async def test_what_other_pipelines_and_strangers_deployed_tells_nothing(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline
) -> None:
    project = fake.world.projects[pipeline.project_id]
    fake.add_job(fake.add_pipeline(project), "unit", environment="production")
    fake.world.deployments.append(
        Deployment(1, None, "production", "2026-11-20T10:05:00.000Z", project.id)
    )
    assert await told(fake, platform, pipeline) == {"Ship it": "production"}


async def test_only_what_changed_since_the_pipeline_began_is_looked_through(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline
) -> None:
    for number in range(500):
        at = f"2026-11-19T10:00:00.{number:03}Z"
        fake.world.deployments.append(Deployment(number, None, "x", at, pipeline.project_id))
    assert await told(fake, platform, pipeline) == {"Ship it": "production"}
    assert len(fake.calls("GET", "/deployments")) == 1
    for item in fake.world.deployments[1:]:
        item.updated_at = "2026-11-20T11:00:00.000Z"
    await told(fake, platform, pipeline)
    assert len(fake.calls("GET", "/deployments")) == 1 + 3


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_none_are_told_where_they_are_not_ours_to_see(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline, status: int
) -> None:
    fake.fail_next("GET", "/deployments", status)
    assert await told(fake, platform, pipeline) == {}


async def test_limits_and_trouble_are_worth_another_try(
    fake: FakeGitLab, platform: GitLabPlatform, pipeline: Pipeline
) -> None:
    fake.fail_next("GET", "/deployments", 429)
    with pytest.raises(RateLimited):
        await told(fake, platform, pipeline)
    fake.fail_next("GET", "/deployments", 502, times=3)
    with pytest.raises(PlatformUnavailable):
        await told(fake, platform, pipeline)
