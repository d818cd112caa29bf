"""Nobody waits for a database that hangs, and nobody is cut off in the middle."""

import asyncio

import psycopg
from tests.web.conftest import client_of

from pipeline_guard.web.dashboard.page import Pages
from pipeline_guard.web.deadline import Deadline

CALL = {"type": "http", "path": "/", "headers": []}


async def test_an_api_whose_database_hangs_answers_503(app, database_url):
    hurried = Deadline(app, Pages(), 0.3, 0.3)
    headers = {"authorization": "Bearer api-token-of-the-test"}
    async with client_of(hurried, "http://test", **headers) as client:
        with psycopg.connect(database_url) as holder:
            holder.execute("LOCK TABLE failures, audit IN ACCESS EXCLUSIVE MODE")
            for path in ("/api/v1/failures", "/", "/api/v1/audit"):
                answer = await client.get(path)
                assert answer.status_code == 503, path
                assert answer.json()["title"] == "Service Unavailable"
                assert int(answer.headers["retry-after"]) > 0
            page = await client.get("/", headers={"accept": "text/html"})
            assert page.status_code == 503
            assert "<h1>Service Unavailable</h1>" in page.text
        assert (await client.get("/api/v1/failures")).status_code == 200


async def run(application, seconds: float = 0.05) -> list[dict]:
    sent: list[dict] = []

    async def send(message):
        sent.append(message)

    await Deadline(application, Pages(), seconds, seconds)(dict(CALL), None, send)
    return sent


async def test_the_answer_does_not_wait_for_the_call_to_give_up():
    sent: list[dict] = []
    seen: list[int] = []

    async def hanging(scope, receive, send):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            seen.append(len(sent))
            await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        sent.append(message)

    await Deadline(hanging, Pages(), 0.05, 0.05)(dict(CALL), None, send)
    assert seen == [2]
    assert [message.get("status") for message in sent] == [503, None]


async def test_what_has_begun_may_take_its_time():
    async def slow(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.15)
        await send({"type": "http.response.body", "body": b"done"})

    assert [message.get("body") for message in await run(slow)] == [None, b"done"]
