"""What a cache must never do: keep work waiting, believe a stranger, show what it holds."""

import time
from pathlib import Path

import structlog

from pipeline_guard import cache
from pipeline_guard.cache import Cache, Shared, cache_from
from pipeline_guard.settings import Settings
from pipeline_guard.vault import Vault

pytest_plugins = ["tests.redis_server"]


def shared(server, key: str = "k", **more) -> Shared:
    return Shared(server.url, Vault([key]), **more)


def test_what_was_used_longest_ago_makes_room():
    small = Cache(most_bytes=80)
    for name in "abcdefgh":
        small.put(name, bytes(10), 60)
    assert small.get("a") is not None
    small.put("new", bytes(10), 60)
    assert (small.get("a"), small.get("b")) == (bytes(10), None)
    small.put("large", bytes(11), 60)
    assert small.get("large") is None


def test_what_is_over_is_gone():
    own = Cache()
    own.put("a", b"1", -1)
    assert own.get("a") is None
    own.put("a", b"2", 60)
    own.forget("a")
    assert own.get("a") is None


def test_processes_share_what_one_of_them_read(redis_server):
    one, other = Cache(shared(redis_server)), Cache(shared(redis_server))
    one.put("a", b"\0value", 60)
    assert other.get("a") == b"\0value"
    other.forget("a")
    assert Cache(shared(redis_server)).get("a") is None


def test_what_is_shared_ends_there_too(redis_server):
    Cache(shared(redis_server)).put("a", b"1", 0.001)
    other = Cache(shared(redis_server))
    ends = time.monotonic() + 5
    while other.get("a") is not None:
        assert time.monotonic() < ends


def test_whoever_reads_redis_learns_nothing_and_whoever_writes_it_is_not_believed(redis_server):
    Cache(shared(redis_server)).put("token acme/shop", b"ghs_secret", 60)
    seen = redis_server.everything()
    assert b"acme" not in seen
    assert b"ghs_secret" not in seen
    assert Cache(shared(redis_server, "another key")).get("token acme/shop") is None
    with redis_server.client() as client:
        (key,) = client.keys("*")
        for forged in (b"ghs_mine", b"", client.get(key)[:-4]):
            client.set(key, forged)
            assert Cache(shared(redis_server)).get("token acme/shop") is None


def test_a_sealed_value_is_good_under_its_own_name_only(redis_server):
    both = Cache(shared(redis_server))
    both.put("policy of mine", b"mode: act", 60)
    both.put("policy of yours", b"mode: observe", 60)
    with redis_server.client() as client:
        one, other = client.keys("*")
        client.set(one, client.get(other))
    found = {Cache(shared(redis_server)).get(f"policy of {name}") for name in ("mine", "yours")}
    assert None in found
    assert len(found) == 2


def test_with_redis_killed_work_goes_on_and_it_is_said_once(redis_server):
    mine = Cache(shared(redis_server, pause=0.0))
    mine.put("a", b"1", 60)
    with structlog.testing.capture_logs() as told:
        redis_server.kill()
        for _ in range(3):
            assert mine.get("a") == b"1"
            mine.put("b", b"2", 60)
            mine.forget("c")
        redis_server.start()
        assert mine.get("b") == b"2"
        mine.put("b", b"3", 60)
    assert [item["event"] for item in told] == ["redis_away", "redis_back"]
    assert Cache(shared(redis_server)).get("b") == b"3"


def test_a_redis_that_says_nothing_is_waited_for_once(redis_server):
    mine = Cache(shared(redis_server, patience=0.05))
    mine.put("a", b"1", 60)
    redis_server.freeze()
    assert mine.get("a") == b"1"
    asked = mine._shared._client = _Counting()
    for _ in range(50):
        assert mine.get("a") == b"1"
    assert asked.calls == 0


class _Counting:
    calls = 0

    def get(self, name: str) -> None:
        self.calls += 1

    def close(self) -> None: ...


def test_a_wrong_address_or_a_key_file_that_cannot_be_used_is_no_reason_to_stop(tmp_path: Path):
    (tmp_path / "secret.key").mkdir()
    chosen = Settings(_env_file=None, data_dir=tmp_path, redis_url="redis://127.0.0.1:1/0")
    with structlog.testing.capture_logs() as told:
        mine = cache_from(chosen)
    mine.put("a", b"1", 60)
    assert mine.get("a") == b"1"
    assert [item["event"] for item in told] == ["redis_not_used"]


def test_the_password_in_the_address_is_told_to_nobody():
    assert cache.where("rediss://guard:hunter2@redis.example/3") == "redis.example:6379"
    assert cache.where("unix:///run/redis.sock?password=hunter2") == "/run/redis.sock"
