"""The client goes where we send it, whatever an answer says, and reads whatever comes."""

import pytest
from tests.fakes.github import FakeGitHub

from pipeline_guard.errors import PlatformError, PlatformUnavailable, RateLimited, Rejected
from pipeline_guard.platforms.github.adapter import GitHub

RUN = "/repos/acme/shop/actions/runs/1"


async def test_no_redirect_takes_the_token_elsewhere(fake: FakeGitHub, github: GitHub) -> None:
    for status in (301, 302, 307, 308):
        fake.fail("GET", RUN, status, headers={"location": f"{fake.storage_url}/x"})
        with pytest.raises(PlatformError):
            await github._client.get("acme/shop", RUN)
    fake.fail("GET", RUN, 301, headers={"location": "http://localhost:9/x"}, times=9)
    with pytest.raises(PlatformUnavailable, match="elsewhere"):
        await github._client.get("acme/shop", RUN)
    assert [call for call in fake.calls() if call.origin == "storage"] == []


async def test_of_a_link_to_the_next_page_only_the_query_counts(
    fake: FakeGitHub, github: GitHub
) -> None:
    link = {"link": f'<{fake.storage_url}/elsewhere?page=2&per_page=100>; rel="next"'}
    fake.fail("GET", "/pulls$", 200, headers=link, body=[{"id": 1}])
    fake.fail("GET", "/pulls$", 200, body=[{"id": 2}, "no object"])
    pages = github._client.pages("acme/shop", "/repos/acme/shop/pulls")
    assert [item["id"] async for item in pages] == [1, 2]
    assert [call.query.get("page") for call in fake.calls("GET", "/pulls$")] == [None, "2"]


async def test_a_server_that_knows_no_pages_does_not_keep_us(
    fake: FakeGitHub, github: GitHub
) -> None:
    fake.fail("GET", "/pulls$", 200, times=99, body=[{"id": n} for n in range(100)])
    pages = github._client.pages("acme/shop", "/repos/acme/shop/pulls")
    assert len([item async for item in pages]) == 100
    assert len(fake.calls("GET", "/pulls$")) == 2


async def test_answers_that_are_no_json(fake: FakeGitHub, github: GitHub) -> None:
    fake.fail("GET", "/pulls$", 200, body="just text")
    pages = github._client.pages("acme/shop", "/repos/acme/shop/pulls")
    assert [item async for item in pages] == []
    fake.fail("GET", RUN, 304)
    with pytest.raises(Rejected):
        await github._client.get("acme/shop", RUN)


async def test_a_long_limit_is_left_to_the_queue(fake: FakeGitHub, github: GitHub) -> None:
    fake.limit("GET", RUN, after=60, status=429)
    with pytest.raises(RateLimited) as limited:
        await github._client.get("acme/shop", RUN)
    assert limited.value.retry_at is not None
    assert len(fake.calls("GET", RUN)) == 1
