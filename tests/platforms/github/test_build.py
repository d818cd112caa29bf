"""Switching GitHub on: settings, tokens, Apps, and what every answer means."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.github import FakeGitHub
from tests.platforms.github.keys import KEY, PEM

from pipeline_guard import errors
from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.domain.events import Event
from pipeline_guard.platforms.github import build
from pipeline_guard.platforms.github.answers import refusal
from pipeline_guard.settings import Settings, load_settings


def settings(**values: Any) -> Settings:
    return load_settings(_env_file=None, github_webhook_secret="s", **values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"github_webhook_secret": None, "github_token": "t"}, "WEBHOOK_SECRET is not set"),
        ({}, "neither"),
        ({"github_app_id": "1"}, "GITHUB_PRIVATE_KEY"),
        ({"github_private_key": PEM}, "GITHUB_APP_ID"),
        ({"github_app_id": "1", "github_private_key": "/no/such.pem"}, "readable file"),
        ({"github_app_id": "1", "github_private_key": "-----BEGIN X"}, "no RSA private key"),
    ],
)
def test_stays_off_with_a_reason(values: dict[str, Any], words: str) -> None:
    reason = build(load_settings(_env_file=None, **{"github_webhook_secret": "s", **values}))
    assert isinstance(reason, str)
    assert words in reason


async def test_a_token_is_enough(fake: FakeGitHub) -> None:
    connected = build(settings(github_token=fake.token, github_api_url=fake.url))
    assert isinstance(connected, Connected)
    assert await connected.platform.identity() == "guard-bot"
    await connected.platform.aclose()


@pytest.mark.parametrize("form", ["text", "escaped", "file"])
async def test_an_app_trades_its_key_for_a_narrow_token(
    fake: FakeGitHub, tmp_path: Path, form: str
) -> None:
    path = tmp_path / "key.pem"
    path.write_text(PEM)
    key = {"text": PEM, "escaped": PEM.replace("\n", "\\n"), "file": str(path)}[form]
    fake.add_app("acme/shop", KEY.public_key())
    made = fake.add_run(log="text")
    connected = build(settings(github_app_id="1", github_private_key=key, github_api_url=fake.url))
    assert isinstance(connected, Connected)
    platform = connected.platform
    assert await platform.identity() == "guard[bot]"
    event = Event("run_finished", "github", "acme/shop", str(made.id))
    run = await platform.read_run(event)
    assert [c async for c in platform.stream_log(run, run.jobs[0])] == [b"text"]
    asked = fake.calls("POST", "/access_tokens")
    assert [call.body["repositories"] for call in asked] == [["shop"]]
    assert set(asked[0].body["permissions"].values()) == {"read"}
    issued = [token for token in fake.world.tokens if token.startswith("ghs_")]
    del fake.world.tokens[issued[0]]
    assert await platform.read_run(event) == run, "a revoked token is renewed"
    assert "permissions actions: write" in await platform.check()
    await platform.aclose()


async def test_an_app_that_is_not_installed_is_told(fake: FakeGitHub) -> None:
    fake.add_app("acme/other", KEY.public_key())
    connected = build(settings(github_app_id="1", github_private_key=PEM, github_api_url=fake.url))
    assert isinstance(connected, Connected)
    with pytest.raises(errors.NotFound):
        await connected.platform.read_run(Event("run_finished", "github", "acme/shop", "1"))
    await connected.platform.aclose()


@pytest.mark.parametrize(
    ("status", "headers", "message", "kind"),
    [
        (401, {}, "Bad credentials", errors.NotAuthorized),
        (403, {}, "Resource not accessible", errors.NotAuthorized),
        (403, {"x-ratelimit-remaining": "0"}, "", errors.RateLimited),
        (403, {"retry-after": "7"}, "", errors.RateLimited),
        (403, {}, "You have exceeded a secondary rate limit", errors.RateLimited),
        (404, {}, "", errors.NotFound),
        (409, {}, "", errors.Conflict),
        (410, {}, "", errors.NotFound),
        (422, {}, "", errors.Rejected),
        (429, {}, "", errors.RateLimited),
        (500, {}, "", errors.PlatformUnavailable),
        (503, {}, "", errors.PlatformUnavailable),
        (304, {}, "", errors.Rejected),
    ],
)
def test_every_answer_has_its_error(
    status: int, headers: dict[str, str], message: str, kind: type[errors.PlatformError]
) -> None:
    error = refusal("GET /x", status, headers, {"message": message, "errors": ["detail"]})
    assert type(error) is kind
    assert error.status == status
    assert "detail" in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, 0),
        ({}, 60),
    ],
)
def test_a_limit_says_when_to_come_back(headers: dict[str, str], seconds: int) -> None:
    error = refusal("GET /x", 429, headers, None)
    assert isinstance(error, errors.RateLimited)
    assert error.retry_at is not None
    wait = (error.retry_at - datetime.now(UTC)).total_seconds()
    assert wait == pytest.approx(seconds, abs=5)
