"""What GitHub calls unchanged is not counted against us, and is never older than its answer."""

import json

import pytest
import structlog
from tests.fakes.github import FakeGitHub
from tests.platforms.github.keys import KEY, PEM

from pipeline_guard.cache import Cache, Shared
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.credentials import AppCredentials, TokenCredentials
from pipeline_guard.telemetry.telemetry import Telemetry
from pipeline_guard.vault import Vault

pytest_plugins = ["tests.redis_server"]
SHOP = "acme/shop"
PULLS = f"/repos/{SHOP}/pulls"


def statuses(fake: FakeGitHub, path: str) -> list[int]:
    return [call.status for call in fake.calls("GET", path)]


async def test_an_unchanged_answer_is_not_counted_and_a_changed_one_is_read(
    fake: FakeGitHub,
) -> None:
    telemetry = Telemetry()
    client = Client(fake.url, TokenCredentials(fake.token), calls=telemetry.calls("github"))
    pull = fake.add_pull()
    answers = [await client.get(SHOP, PULLS) for _ in range(3)]
    assert [item.status for item in answers] == [200, 200, 200]
    assert answers[0].data == answers[1].data == answers[2].data
    assert answers[2].headers["x-ratelimit-remaining"] == "4999"
    assert statuses(fake, PULLS) == [200, 304, 304]
    counted = telemetry.metrics.platform_calls.labels("github", "read", "3xx")
    assert counted._value.get() == 2
    pull.state = "closed"
    assert (await client.get(SHOP, PULLS)).data == []
    assert statuses(fake, PULLS)[-1] == 200
    await client.aclose()


async def test_an_unchanged_page_still_leads_to_the_next_one(fake: FakeGitHub) -> None:
    client = Client(fake.url, TokenCredentials(fake.token))
    for number in range(3):
        fake.add_pull(branch=f"b{number}")
    for _ in range(2):
        found = [item async for item in client.pages(SHOP, PULLS, per_page=2)]
        assert len(found) == 3
    assert statuses(fake, PULLS) == [200, 200, 304, 304]
    await client.aclose()


async def test_what_one_may_not_read_any_more_is_not_told_from_memory(fake: FakeGitHub) -> None:
    client = Client(fake.url, TokenCredentials(fake.token), retry_wait=0)
    fake.add_pull()
    await client.get(SHOP, PULLS)
    fake.fail("GET", PULLS, 404)
    with pytest.raises(Exception, match="404"):
        await client.get(SHOP, PULLS)
    await client.aclose()


def app(fake: FakeGitHub, server) -> GitHub:
    """One process of several: its own connections, the common Redis."""
    cache = Cache(Shared(server.url, Vault(["the key of all"]), pause=0.0))
    credentials = AppCredentials("1", PEM, cache)
    return GitHub(Client(fake.url, credentials, retry_wait=0, cache=cache))


async def test_processes_share_tokens_and_answers_by_redis(fake: FakeGitHub, redis_server) -> None:
    fake.add_app(SHOP, KEY.public_key())
    fake.add_pull()
    one, other = app(fake, redis_server), app(fake, redis_server)
    first = await one._client.get(SHOP, PULLS)
    assert (await other._client.get(SHOP, PULLS)).data == first.data
    assert statuses(fake, PULLS) == [200, 304]
    assert len(fake.calls("POST", "/access_tokens")) == 1
    (given,) = {call.authorization for call in fake.calls("GET", PULLS)}
    seen = redis_server.everything()
    assert given.split()[1].encode() not in seen
    assert json.dumps(first.data)[:40].encode() not in seen
    await one.aclose()
    await other.aclose()


async def test_a_token_that_is_refused_is_forgotten_by_all(fake: FakeGitHub, redis_server) -> None:
    fake.add_app(SHOP, KEY.public_key())
    fake.add_pull()
    one, other = app(fake, redis_server), app(fake, redis_server)
    await one._client.get(SHOP, PULLS)
    fake.fail("GET", PULLS, 401)
    await one._client.get(SHOP, PULLS)
    await other._client.get(SHOP, PULLS)
    assert len(fake.calls("POST", "/access_tokens")) == 2
    await one.aclose()
    await other.aclose()


async def test_with_redis_killed_all_is_read_as_before(fake: FakeGitHub, redis_server) -> None:
    fake.add_app(SHOP, KEY.public_key())
    fake.add_pull()
    one = app(fake, redis_server)
    first = await one._client.get(SHOP, PULLS)
    redis_server.kill()
    with structlog.testing.capture_logs() as told:
        for _ in range(3):
            assert (await one._client.get(SHOP, PULLS)).data == first.data
    assert statuses(fake, PULLS) == [200, 304, 304, 304]
    assert [item["event"] for item in told] == ["redis_away"]
    late = app(fake, redis_server)
    assert (await late._client.get(SHOP, PULLS)).data == first.data
    await one.aclose()
    await late.aclose()
