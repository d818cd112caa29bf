"""Switching the platform on and off by its settings."""

import pytest

from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.platforms import buildbot
from pipeline_guard.settings import Settings

FULL = {
    "buildbot_url": "https://ci.example/",
    "buildbot_user": "guard",
    "buildbot_password": "secret",
    "buildbot_webhook_token": "new, old",
}


@pytest.mark.parametrize("missing", ["buildbot_url", "buildbot_webhook_token"])
def test_what_is_missing_is_named(missing: str) -> None:
    settings = {name: value for name, value in FULL.items() if name != missing}
    reason = buildbot.build(Settings(_env_file=None, **settings))  # type: ignore[arg-type]
    assert isinstance(reason, str)
    assert f"PIPELINE_GUARD_{missing.upper()}" in reason


async def test_either_token_of_a_rotation_opens() -> None:
    connected = buildbot.build(Settings(_env_file=None, **FULL))  # type: ignore[arg-type]
    assert isinstance(connected, Connected)
    for token in ("new", "old"):
        connected.reader.verify({"authorization": f"Bearer {token}"}, b"")
    assert await connected.platform.identity() == "guard"
    await connected.platform.aclose()
