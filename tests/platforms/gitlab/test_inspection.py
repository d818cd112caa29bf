"""What doctor hears about GitLab: the token's scopes and age, hooks, the clock."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes.gitlab import FakeGitLab
from tests.fakes.gitlab.world import DEVELOPER, Token

from pipeline_guard.domain.inspection import Inspects
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform
from pipeline_guard.platforms.gitlab.inspection import EVENTS

HOOK = "gitlab hook acme/shop"
WELL = {
    "url": "https://guard.example/webhooks/gitlab",
    "alert_status": "executable",
    "enable_ssl_verification": True,
    **dict.fromkeys(EVENTS, True),
}


async def told(platform: GitLabPlatform) -> dict[str, tuple[str, str, str]]:
    found = await platform.inspect(["acme/shop"])
    return {item.name: (item.state, item.text, item.fix) for item in found}


async def test_the_clock_is_read_from_an_answer(platform: GitLabPlatform) -> None:
    assert isinstance(platform, Inspects)
    at = await platform.server_time()
    assert at is not None
    assert abs(datetime.now(UTC) - at) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("changed", "state", "words"),
    [
        ({}, "ok", "set and working"),
        ({"note_events": False}, "wrong", "Comments are not sent"),
        ({"pipeline_events": False}, "wrong", "Pipeline events are not sent"),
        ({"alert_status": "temporarily_disabled"}, "wrong", "put it off after failures"),
        ({"enable_ssl_verification": False}, "note", "certificates"),
        ({"url": "https://elsewhere.example/hook"}, "note", "no webhook of its own"),
    ],
)
async def test_hooks(fake: FakeGitLab, platform: GitLabPlatform, changed, state, words) -> None:
    fake.add_project("acme/shop").hooks.append(WELL | changed)
    found, text, fix = (await told(platform))[HOOK]
    assert found == state
    assert words in text
    assert fix or state == "ok" or "no webhook" in text


async def test_hooks_that_only_maintainers_see_are_a_note(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    fake.add_project("acme/shop").members[fake.bot] = DEVELOPER
    assert (await told(platform))[HOOK][0] == "note"


async def test_the_tokens_scopes_and_age(fake: FakeGitLab, platform: GitLabPlatform) -> None:
    today = datetime.now(UTC).date()
    for days, state in ((400, "ok"), (None, "ok"), (7, "note"), (-1, "wrong")):
        ends = str(today + timedelta(days=days)) if days is not None else None
        fake.world.tokens[fake.token] = Token(fake.bot, expires_at=ends)
        assert (await told(platform))["gitlab token"][0] == state
    fake.world.tokens[fake.token] = Token(fake.bot, ("read_api",))
    state, text, _ = (await told(platform))["gitlab token"]
    assert (state, "read_api" in text) == ("wrong", True)
    fake.fail_next("GET", "/personal_access_tokens/self", 404)
    assert (await told(platform))["gitlab token"][0] == "note"
