"""What the client makes of answers a healthy master on loopback never gives."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import stamina

from pipeline_guard.errors import (
    Conflict,
    NotAuthorized,
    NotFound,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    Rejected,
)
from pipeline_guard.platforms.buildbot.client import BuildbotClient

Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, **options: str) -> BuildbotClient:
    return BuildbotClient(
        "https://ci.example/buildbot", transport=httpx.MockTransport(answer), **options
    )


@pytest.fixture(autouse=True)
def quick_retries() -> object:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Rejected), (401, NotAuthorized), (403, NotAuthorized), (404, NotFound),
     (409, Conflict), (410, NotFound), (422, Rejected), (429, RateLimited),
     (302, Rejected), (500, PlatformUnavailable), (501, Rejected), (503, PlatformUnavailable)],
)  # fmt: skip
async def test_each_refusal_is_the_error_of_its_kind(
    status: int, kind: type[PlatformError]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json={"error": "because"}, headers={"location": "/sso"})

    one = client(answer)
    for call in (one.rows("builders"), one.control("builds/1", "rebuild")):
        with pytest.raises(kind) as caught:
            await call
        assert type(caught.value) is kind
        assert caught.value.status == status
        assert "because" in str(caught.value) or "/sso" in str(caught.value)


async def test_a_read_is_tried_again_and_a_call_is_not() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.method)
        raise httpx.ReadTimeout("too slow")

    one = client(answer)
    with pytest.raises(PlatformUnavailable):
        await one.rows("builders")
    with pytest.raises(PlatformUnavailable):
        await one.control("builds/1", "rebuild")
    assert seen == ["GET", "GET", "GET", "POST"]


async def test_a_read_that_works_on_the_second_try_is_read() -> None:
    answers = iter([httpx.Response(502), httpx.Response(200, json={"meta": {}, "builds": [{}]})])
    one = client(lambda request: next(answers))
    assert await one.rows("builds") == [{}]


async def test_a_limit_says_when_to_come_back() -> None:
    one = client(lambda request: httpx.Response(429, headers={"retry-after": "60"}))
    with pytest.raises(RateLimited) as caught:
        await one.rows("builders")
    assert caught.value.retry_at is not None
    wait = caught.value.retry_at - datetime.now(UTC)
    assert timedelta(seconds=50) < wait <= timedelta(seconds=60)


async def test_something_else_than_buildbot_is_said_to_be_so() -> None:
    for content in (b"<html>", b"[]", b"{}", b'{"meta": {}}', b'"text"'):
        one = client(lambda request, content=content: httpx.Response(200, content=content))  # type: ignore[misc]
        with pytest.raises(Rejected):
            await one.rows("builders")
        with pytest.raises(Rejected):
            await one.control("builds/1", "rebuild")


async def test_a_session_that_ran_out_is_renewed_and_the_path_of_the_url_is_kept() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        if request.url.path.endswith("/auth/login"):
            number = len(seen)
            return httpx.Response(302, headers={"set-cookie": f"session={number}; Path=/"})
        if request.headers["cookie"] == "session=1":
            return httpx.Response(403, json={"error": "who are you?"})
        return httpx.Response(200, json={"meta": {}, "builds": []})

    one = client(answer, user="guard", password="secret")
    assert await one.rows("builds") == []
    login, builds = "/buildbot/auth/login", "/buildbot/api/v2/builds"
    assert seen == [login, builds, login, builds]


async def test_a_wrong_password_is_said_to_be_wrong() -> None:
    one = client(lambda request: httpx.Response(401), user="guard", password="wrong")
    with pytest.raises(NotAuthorized, match="BUILDBOT_PASSWORD"):
        await one.rows("builders")


async def test_an_answer_that_breaks_off_is_not_taken_for_whole() -> None:
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            yield b"first line\n"
            raise httpx.ReadError("gone")

    for status in (200, 404):
        one = client(lambda request, status=status: httpx.Response(status, stream=Broken()))  # type: ignore[misc]
        with pytest.raises(PlatformUnavailable):
            _ = [chunk async for chunk in one.raw_log(1)]
        for call in (one.rows("builders"), one.date(), one.control("builds/1", "rebuild")):
            with pytest.raises(PlatformUnavailable):
                await call
