import asyncio

import psycopg
import pytest

from pipeline_guard.domain.events import Event, InlineLog, Parsed
from pipeline_guard.errors import MalformedDelivery, StoreUnavailable
from pipeline_guard.stages.accept import Acceptor
from pipeline_guard.store.session import Database


def parsed(delivery_id: str, run_id: str = "7", **more: object) -> Parsed:
    event = Event("run_finished", "github", "acme/shop", run_id, 1, "failure")
    return Parsed(delivery_id, "workflow_run", event, b'{"a": 1}', **more)


@pytest.fixture
async def acceptor(database: Database):
    acceptor = Acceptor(database.accept_pool(2))
    await acceptor.start()
    yield acceptor
    await acceptor.close()


def rows(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


async def test_a_delivery_and_its_job_are_there_when_accept_returns(acceptor, database_url):
    accepted = await acceptor.accept("github", parsed("d1"))
    assert accepted.status == "accepted"
    assert rows(database_url, "SELECT id, delivery_id, status, body FROM deliveries") == [
        (accepted.delivery, "d1", "accepted", b'{"a": 1}')
    ]
    assert rows(database_url, "SELECT task_name, lock, args FROM procrastinate_jobs") == [
        ("process_delivery", "github:acme/shop:7", {"delivery": accepted.delivery})
    ]


async def test_the_same_delivery_a_hundred_times_at_once_is_one(acceptor, database_url):
    answers = await asyncio.gather(*(acceptor.accept("github", parsed("same")) for _ in range(100)))
    assert sorted(item.status for item in answers) == ["accepted"] + ["duplicate"] * 99
    assert rows(database_url, "SELECT count(*) FROM procrastinate_jobs") == [(1,)]


async def test_many_at_once_each_get_their_own_id(acceptor, database_url):
    answers = await asyncio.gather(
        *(acceptor.accept("github", parsed(f"d{n}", run_id=str(n))) for n in range(500))
    )
    stored = dict(rows(database_url, "SELECT delivery_id, id FROM deliveries"))
    assert [item.delivery for item in answers] == [stored[f"d{n}"] for n in range(500)]
    assert rows(database_url, "SELECT count(*) FROM procrastinate_jobs") == [(500,)]


async def test_concurrent_deliveries_share_transactions(acceptor, database_url):
    await asyncio.gather(*(acceptor.accept("github", parsed(f"d{n}")) for n in range(200)))
    (transactions,) = rows(database_url, "SELECT count(DISTINCT xmin::text) FROM deliveries")[0]
    assert transactions < 20


async def test_one_delivery_the_database_refuses_does_not_take_others_with_it(acceptor):
    bad = acceptor.accept("github", Parsed("a\0b", "x", parsed("x").outcome, b"{}"))
    good = [acceptor.accept("github", parsed(f"d{n}")) for n in range(5)]
    refused, *stored = await asyncio.gather(bad, *good, return_exceptions=True)
    assert isinstance(refused, MalformedDelivery)
    assert str(refused) == "It holds what cannot be stored."  # the log has it: not the value itself
    assert [item.status for item in stored] == ["accepted"] * 5


async def test_without_the_database_the_sender_is_told_and_later_it_works_again(
    acceptor, database_url
):
    name = database_url.split("/")[3].split("?")[0]
    admin = database_url.replace(f"/{name}?", "/postgres?")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
        with pytest.raises(StoreUnavailable):
            await acceptor.accept("github", parsed("d1"))
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    for _ in range(100):
        try:
            answer = await acceptor.accept("github", parsed("d1"))
            break
        except StoreUnavailable:
            continue
    assert answer.status == "accepted"


async def test_a_database_that_only_reads_is_one_that_is_away(database_url):
    name = database_url.split("/")[3].split("?")[0]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        later = Acceptor(Database(database_url).accept_pool(1))
        await later.start()
        with pytest.raises(StoreUnavailable, match="read-only"):
            await later.accept("github", parsed("d1"))
        await later.close()
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")


async def test_secrets_of_inline_logs_are_not_stored(acceptor, database_url):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2
    log = InlineLog("1", "stdio", f"fatal: could not read from https://x:{secret}@host/\n")
    await acceptor.accept("buildbot", parsed("d1", logs=(log,)))
    stored = str(rows(database_url, "SELECT event FROM deliveries"))
    assert "could not read" in stored
    assert secret not in stored
