"""What changes is told as it changes: to every stream, over gaps, in bounded memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import psycopg
import pytest
from tests.stages.decide.test_decide import diagnosis, run
from tests.web.conftest import TOKEN
from tests.web.serving import served

from pipeline_guard.domain.plan import Plan
from pipeline_guard.store import changes, failures
from pipeline_guard.store.incident_tables import Incident
from pipeline_guard.web import live
from pipeline_guard.web.live import Client, Told

PATIENCE = 10.0
EVENTS = "/api/v1/events"


@dataclass
class Event:
    name: str
    id: int
    data: dict


@pytest.fixture
def token() -> str:
    return TOKEN


@pytest.fixture
async def address(app) -> AsyncIterator[str]:
    async with served(app, lifespan="off") as url:
        yield url


async def fail(database, number: int = 1) -> int:
    async with database.transaction() as session:
        a_run = run(run_id=str(number))
        return await failures.add(session, a_run, a_run.jobs[0], diagnosis(), Plan())


async def set_status(database, failure_id: int, status: str) -> None:
    async with database.transaction() as session:
        await failures.set_status(session, [failure_id], status)


async def last_id(database) -> int:
    async with database.transaction() as session:
        return await changes.last_id(session)


class Stream:
    """An open stream; `next` waits for its next event."""

    def __init__(self, url: str, token: str, last: int | None = None) -> None:
        headers = {"authorization": f"Bearer {token}"}
        headers |= {"last-event-id": str(last)} if last is not None else {}
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE)

    async def __aenter__(self) -> "Stream":
        self._open = self._client.stream("GET", EVENTS)
        self.answer = await self._open.__aenter__()
        self._lines = self.answer.aiter_lines()
        if self.answer.status_code == 200:
            assert await anext(self._lines) == ": ready"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._open.__aexit__(*error)
        await self._client.aclose()

    async def next(self) -> Event:
        found: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if name:
                    found[name] = value
                elif "event" in found:
                    return Event(found["event"], int(found.get("id", 0)), json.loads(found["data"]))
        raise AssertionError("the stream has ended")


async def test_a_failure_is_told_when_it_is_new_and_when_it_changes(address, database, token):
    async with Stream(address, token) as stream:
        number = await fail(database)
        first = await stream.next()
        await set_status(database, number, "ignored")
        second = await stream.next()
    assert (first.name, first.data["id"], first.data["status"]) == ("failure", number, "open")
    assert (second.data["status"], second.data["repository"]) == ("ignored", "acme/shop")
    assert second.id > first.id


async def test_a_change_that_is_rolled_back_is_not_told(address, database, token):
    async with Stream(address, token) as stream:
        async with database.transaction() as session:
            a_run = run()
            await failures.add(session, a_run, a_run.jobs[0], diagnosis(), Plan())
            await session.rollback()
        number = await fail(database, 2)
        assert (await stream.next()).data["id"] == number


async def test_who_comes_back_is_told_what_was_missed(address, database, token):
    await fail(database, 1)
    last = await last_id(database)
    missed = [await fail(database, number) for number in (2, 3)]
    async with Stream(address, token, last) as stream:
        found = {(await stream.next()).data["id"] for _ in range(3)}
    # The first one comes again: a lower id may be committed after a higher one.
    assert set(missed) <= found


async def test_who_missed_too_much_is_told_to_read_everything(
    address, database, token, monkeypatch
):
    monkeypatch.setattr(live, "CATCH_UP", 3)
    for number in range(4):
        await fail(database, number)
    async with Stream(address, token, 0) as stream:
        assert (await stream.next()).name == "reset"


@pytest.mark.parametrize("nonsense", ["x", "-1", "٣", "9" * 40])
async def test_a_last_event_that_never_was_is_no_error(address, token, nonsense):
    headers = {"authorization": f"Bearer {token}", "last-event-id": nonsense.encode()}
    async with (
        httpx.AsyncClient(base_url=address, headers=headers, timeout=PATIENCE) as client,
        client.stream("GET", EVENTS) as answer,
    ):
        assert answer.status_code == 200
        assert await anext(answer.aiter_lines()) == ": ready"


async def test_a_lost_connection_is_made_again_and_nothing_is_lost_with_it(
    address, database, token, database_url, monkeypatch
):
    monkeypatch.setattr(live, "RECONNECT_SECONDS", 0.2)
    async with Stream(address, token) as stream:
        known = await fail(database, 1)
        assert (await stream.next()).data["id"] == known
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as admin:
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE 'LISTEN pipeline%'"
            )
        number = await fail(database, 2)
        found = await stream.next()
        while found.data["id"] != number:
            found = await stream.next()


async def test_a_change_that_cannot_be_told_does_not_silence_the_next(
    app, address, database, token, monkeypatch
):
    whole, failed = app.state.live._describe, asyncio.Event()

    async def describe(session, changed):
        if not failed.is_set():
            failed.set()
            raise KeyError("nobody foresaw this")
        return await whole(session, changed)

    monkeypatch.setattr(app.state.live, "_describe", describe)
    async with Stream(address, token) as stream:
        await fail(database, 1)
        async with asyncio.timeout(PATIENCE):
            await failed.wait()
        number = await fail(database, 2)
        assert (await stream.next()).data["id"] == number


async def test_streams_are_bounded(address, token, monkeypatch):
    monkeypatch.setattr(live, "MOST_CLIENTS", 1)
    async with Stream(address, token), Stream(address, token) as second:
        assert second.answer.status_code == 503
        assert "retry-after" in second.answer.headers


async def test_a_server_that_stops_does_not_wait_for_open_pages(app, address, token):
    async with Stream(address, token) as stream:
        app.state.live.end()
        with pytest.raises(AssertionError, match="has ended"):
            await stream.next()
    async with Stream(address, token) as late:
        assert late.answer.status_code == 503


async def test_a_stream_needs_a_token(address):
    async with Stream(address, "wrong") as stream:
        assert stream.answer.status_code == 401


async def test_a_client_too_slow_for_what_happens_is_ended_not_buffered(monkeypatch):
    monkeypatch.setattr(live, "MOST_WAITING", 3)
    client = Client()
    for number in range(5):
        client.put(Told(number, "failure", {}))
    assert client.queue.qsize() <= 3
    assert [told async for told in client] == []


async def test_an_incident_is_told_and_stands_on_top_of_now(app, address, database, token):
    async with Stream(address, token) as stream:
        async with database.transaction() as session:
            incident = Incident(
                platform="github", fingerprint="f1", category="network_transient",
                title="Could not resolve <b>mirror.example</b>", failures=7,
                repositories=["acme/shop", "acme/web"], probes=[],
            )  # fmt: skip
            session.add(incident)
        event = await stream.next()
    assert (event.name, event.data["id"], event.data["status"]) == ("incident", incident.id, "open")
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as client:
        page = await client.get("/", headers={"authorization": f"Bearer {token}"})
    assert "Could not resolve &lt;b&gt;mirror" in page.text
    assert "<b>2</b> repositories" in page.text
    assert page.text.index("mirror.example") < page.text.index('id="list"')
