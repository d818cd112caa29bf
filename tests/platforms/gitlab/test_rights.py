"""What we lack to retry jobs, told before anything is tried."""

import pytest
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.gitlab.world import DEVELOPER, REPORTER, Token

from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform


@pytest.mark.parametrize(
    ("level", "missing"), [(DEVELOPER, None), (REPORTER, "the role Developer")]
)
async def test_the_role_must_be_high_enough(
    fake: FakeGitLab, platform: GitLabPlatform, level: int, missing: str | None
):
    project = fake.add_project("acme/shop")
    project.members[fake.bot] = level
    assert await platform.missing_right("acme/shop") == missing


async def test_the_token_needs_the_scope(fake: FakeGitLab, platform: GitLabPlatform):
    fake.add_project("acme/shop")
    fake.world.tokens[fake.token] = Token(fake.bot, ("read_api",))
    assert await platform.missing_right("acme/shop") == "the token's scope api"
