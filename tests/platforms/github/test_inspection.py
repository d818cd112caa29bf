"""What doctor hears about GitHub: permissions, hooks and their newest delivery, the clock."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes.github import FakeGitHub
from tests.fakes.github.deliveries import add_hook, record
from tests.platforms.github.test_build import KEY, PEM

from pipeline_guard.domain.inspection import Inspects
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.credentials import AppCredentials
from pipeline_guard.platforms.github.inspection import EVENTS, NEEDED
from pipeline_guard.platforms.github.recovery import ACTED_ON

HOOK = "github hook acme/shop"


async def told(github: GitHub) -> dict[str, tuple[str, str, str]]:
    found = await github.inspect(["acme/shop"])
    return {item.name: (item.state, item.text, item.fix) for item in found}


def test_what_is_asked_for_is_what_the_reader_acts_on() -> None:
    assert set(EVENTS) < {event for event, _ in ACTED_ON}


async def test_the_clock_is_read_from_an_answer(github: GitHub) -> None:
    assert isinstance(github, Inspects)
    at = await github.server_time()
    assert at is not None
    assert abs(datetime.now(UTC) - at) < timedelta(seconds=5)


async def test_a_hook_as_it_should_be_is_well(fake: FakeGitHub, github: GitHub) -> None:
    fake.add_repo()
    add_hook(fake, "acme/shop")
    found = await told(github)
    assert [state for state, _, _ in found.values()] == ["ok", "ok"]
    assert "guard.example" in found[HOOK][1]


@pytest.mark.parametrize(
    ("settings", "state", "words"),
    [
        ({"active": False}, "wrong", "switched off"),
        ({"events": ["push", "workflow_run"]}, "wrong", "workflow_job, issue_comment are not sent"),
        ({"events": ["*"]}, "ok", ""),
        ({"config": {"content_type": "form"}}, "wrong", "sends forms"),
        ({"config": {"insecure_ssl": "1"}}, "note", "certificates"),
        ({"last_response": {"code": 200, "message": "OK"}}, "ok", "answered with 200"),
        ({"last_response": {"code": 401, "message": "no"}}, "wrong", "401 no"),
        ({"last_response": {"code": 502, "message": "Bad Gateway"}}, "wrong", "502 Bad Gateway"),
        ({"last_response": {"code": 0, "message": "timed out"}}, "wrong", "failed: timed out"),
    ],
)
async def test_what_is_wrong_with_a_hook_is_said_with_its_fix(
    fake: FakeGitHub, github: GitHub, settings, state, words
) -> None:
    fake.add_repo()
    number = int(add_hook(fake, "acme/shop").rpartition("/")[2])
    fake.world.hook_settings[number] = settings
    found, text, fix = (await told(github))[HOOK]
    assert found == state
    assert words in text
    assert bool(fix) == (state != "ok")


async def test_secrets_that_differ_are_named(fake: FakeGitHub, github: GitHub) -> None:
    fake.add_repo()
    number = int(add_hook(fake, "acme/shop").rpartition("/")[2])
    fake.world.hook_settings[number] = {"last_response": {"code": 401, "message": "Unauthorized"}}
    assert "PIPELINE_GUARD_GITHUB_WEBHOOK_SECRET" in (await told(github))[HOOK][2]


async def test_what_cannot_be_seen_is_a_note_and_what_cannot_be_read_is_wrong(
    fake: FakeGitHub, github: GitHub
) -> None:
    assert (await told(github))["github acme/shop"][0] == "wrong"
    fake.add_repo()
    fake.add_token(fake.token, fake.login, hooks="none")
    assert (await told(github))[HOOK][0] == "note"
    fake.world.read_only.add("acme/shop")
    state, text, _ = (await told(github))["github acme/shop"]
    assert (state, "not re-run" in text) == ("wrong", True)


async def test_an_apps_permissions_events_and_hook_are_looked_at(fake: FakeGitHub) -> None:
    fake.add_app("acme/shop", KEY.public_key())
    installed, fake.world.installations = fake.world.installations, {}
    github = GitHub(Client(fake.url, AppCredentials("1", PEM), retry_wait=0))
    try:
        found = await told(github)
        assert "installed nowhere" in found["github App"][1]
        fake.world.installations = installed
        assert found["github permissions"][1].startswith("guard lacks checks: read")
        assert {state for state, _, _ in found.values()} == {"wrong"}
        fake.world.app_settings = {
            "permissions": dict(NEEDED),
            "events": [*EVENTS, "push"],
            "url": "https://guard.example/webhooks/github",
        }
        record(fake, "workflow_run", fake.add_run(), 503)
        found = await told(github)
        assert found["github permissions"][0] == found["github events"][0] == "ok"
        assert "installed by acme" in found["github App"][1]
        assert found["github hook"][0] == "wrong"
        record(fake, "workflow_run", fake.add_run(), 202)
        assert (await told(github))["github hook"][0] == "ok"
    finally:
        await github.aclose()
