"""Red pipelines, read back from GitLab's list."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes.gitlab import FakeGitLab

from pipeline_guard.domain.recovery import FinishedRun, ListsRuns
from pipeline_guard.errors import NotFound
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform
from pipeline_guard.platforms.gitlab.webhook import GitLabWebhooks

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def listed(platform: GitLabPlatform, scope: str = "acme/shop") -> list[FinishedRun]:
    return [item async for item in platform.finished_runs(scope, NOON)]


def test_what_is_declared_is_there(platform: GitLabPlatform) -> None:
    assert "list_runs" in platform.capabilities
    assert isinstance(platform, ListsRuns)


async def test_a_red_pipeline_is_listed_as_its_webhook_would_have_told_it(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    project = fake.add_project("acme/shop")
    pipeline = fake.add_pipeline(project, updated_at="2026-11-20T13:00:00.000Z")
    fake.add_job(pipeline, "test", status="failed")
    (found,) = await listed(platform)
    hook = fake.pipeline_hook(pipeline)
    headers = {name.lower(): value for name, value in hook.headers.items()}
    told = GitLabWebhooks([fake.secret_token]).parse(headers, hook.body).outcome
    assert (found.event.repository, found.event.run_id) == (told.repository, told.run_id)
    assert (found.event.conclusion, found.event.hints) == (told.conclusion, told.hints)
    assert found.finished_at == NOON + timedelta(hours=1)


async def test_a_pipeline_that_failed_once_more_has_another_key(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    pipeline = fake.add_pipeline(fake.add_project("acme/shop"), status="failed")
    keys = set()
    for hour in (13, 14):
        pipeline.updated_at = f"2026-11-20T{hour}:00:00.000Z"
        keys.add((await listed(platform))[0].key)
    assert len(keys) == 2


async def test_old_and_green_pipelines_are_not_listed_and_lists_have_an_end(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    project = fake.add_project("acme/shop")
    fake.add_pipeline(project, status="failed", updated_at="2026-11-20T11:00:00.000Z")
    fake.add_pipeline(project, status="success", updated_at="2026-11-20T13:00:00.000Z")
    assert await listed(platform) == []
    for minute in range(350):
        moment = NOON + timedelta(minutes=1 + minute)
        fake.add_pipeline(project, status="failed", updated_at=moment.isoformat())
    found = await listed(platform)
    assert len(found) == 300
    assert found[0].finished_at == NOON + timedelta(minutes=350)


async def test_a_project_that_is_gone_is_not_found(platform: GitLabPlatform) -> None:
    with pytest.raises(NotFound):
        await listed(platform, "acme/gone")
