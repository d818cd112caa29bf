"""Following live: every change once, also across a database that was away."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from tests.stages.decide.test_decide import diagnosis, run

from pipeline_guard.cli import tail
from pipeline_guard.domain.plan import Plan
from pipeline_guard.store import changes, failures


async def add(database, repository: str = "acme/shop", **values: str) -> int:
    async with database.transaction() as session:
        found = run(repository=repository, **values)
        plan = Plan((), (), "open")
        return await failures.add(session, found, found.jobs[0], diagnosis(), plan)


async def last(database) -> int:
    async with database.transaction() as session:
        return await changes.last_id(session)


async def test_each_change_is_told_once_as_it_comes(database):
    await add(database, run_id="1")
    following = tail.follow(database, await last(database))
    coming = asyncio.create_task(anext(following))
    number = await add(database, run_id="2")
    _, kind, data = await asyncio.wait_for(coming, 10)
    assert (kind, data["id"], data["status"]) == ("failure", number, "open")

    async with database.transaction() as session:
        await failures.set_status(session, [number], "healed")
    _, _, data = await asyncio.wait_for(anext(following), 10)
    assert (data["id"], data["status"]) == (number, "healed")
    await following.aclose()


async def test_it_goes_on_behind_a_change_and_after_the_connection_was_cut(
    database, database_url, monkeypatch
):
    monkeypatch.setattr(tail, "RECONNECT_SECONDS", 0.0)
    first = await add(database, run_id="1")
    following = tail.follow(database, 0)
    assert (await asyncio.wait_for(anext(following), 10))[2]["id"] == first
    coming = asyncio.create_task(anext(following))
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as admin:
        while True:  # until it listens again
            cut = await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            )
            if await cut.fetchone():
                break
            await asyncio.sleep(0.01)
    second = await add(database, run_id="2")
    assert (await asyncio.wait_for(coming, 10))[2]["id"] == second
    await following.aclose()


@pytest.fixture
def _ctrl_c_is_heard() -> Iterator[None]:
    """What a script runs in its background was told to ignore it, and tells its children so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c_is_heard")
@pytest.mark.parametrize("as_json", [True, False])
async def test_the_command_prints_lines_and_ends_with_ctrl_c(database, database_url, as_json):
    await add(database, "acme/shop", run_id="1")
    await add(database, "acme/other", run_id="2")
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline_guard", "tail", "--repository", "acme/shop"]
        + (["--json"] if as_json else []),
        env={**os.environ, "PIPELINE_GUARD_DATABASE_URL": database_url},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with contextlib.closing(process.stdout), contextlib.closing(process.stderr):
        before = await asyncio.to_thread(process.stdout.readline)
        await add(database, "acme/shop", run_id="3")
        after = await asyncio.to_thread(process.stdout.readline)
        process.send_signal(signal.SIGINT)
        code = await asyncio.to_thread(process.wait, 20)
        errors = process.stderr.read()
    assert (code, errors) == (0, "")
    if as_json:
        one, two = json.loads(before), json.loads(after)
        assert (one["change"], one["run_id"]) == (None, "1")
        assert (two["run_id"], two["repository"]) == ("3", "acme/shop")
        assert two["change"] > 0
    else:
        assert "acme/shop" in before
        assert "open" in after
        assert "\x1b" not in before + after
