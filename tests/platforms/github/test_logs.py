"""Logs: where the token goes, what an old link, a missing and a broken log become."""

import pytest
from tests.fakes.github import FakeGitHub, Run

from pipeline_guard.domain import runs
from pipeline_guard.domain.events import Event
from pipeline_guard.errors import NotFound, PlatformUnavailable, RateLimited
from pipeline_guard.platforms.github.adapter import GitHub

BIG = b"\x1f line after line\n" * 50_000


async def opened(github: GitHub, made: Run) -> tuple[runs.Run, runs.Job]:
    run = await github.read_run(Event("run_finished", "github", made.repo.name, str(made.id)))
    return run, run.failed_jobs[0]


async def read(github: GitHub, made: Run) -> bytes:
    run, job = await opened(github, made)
    return b"".join([chunk async for chunk in github.stream_log(run, job)])


async def test_the_token_stays_with_the_api(fake: FakeGitHub, github: GitHub) -> None:
    assert await read(github, fake.add_run(log=BIG)) == BIG
    asked, stored = fake.calls("GET", "/logs$")[0], fake.calls("GET", "/store/")[0]
    assert asked.authorization == f"token {fake.token}"
    assert (stored.origin, stored.authorization) == ("storage", None)


@pytest.mark.parametrize("old", [1, 2])
async def test_an_old_link_is_asked_for_anew(fake: FakeGitHub, github: GitHub, old: int) -> None:
    fake.expire_next_links = old
    assert await read(github, fake.add_run(log="text")) == b"text"
    assert len(fake.calls("GET", "/logs$")) == old + 1


async def test_links_that_never_work_are_given_up(fake: FakeGitHub, github: GitHub) -> None:
    fake.expire_next_links = 99
    with pytest.raises(PlatformUnavailable):
        await read(github, fake.add_run(log="text"))


async def test_a_link_on_the_api_itself_gets_no_token(fake: FakeGitHub, github: GitHub) -> None:
    fake.serve_logs_directly = True
    assert await read(github, fake.add_run(log="text")) == b"text"
    assert fake.calls("GET", "/store/")[0].authorization is None


async def test_a_renamed_repository_is_followed_with_the_token(
    fake: FakeGitHub, github: GitHub
) -> None:
    made = fake.add_run(log="text")
    there = f"{fake.url}/repos/acme/shop/actions/jobs/{made.jobs[0].id}/logs"
    fake.fail("GET", "/logs$", 301, headers={"location": there})
    assert await read(github, made) == b"text"


async def test_packed_logs_are_handed_on_as_they_are(fake: FakeGitHub, github: GitHub) -> None:
    fake.store_gzip = True
    assert (await read(github, fake.add_run(log="text"))).startswith(b"\x1f\x8b")


@pytest.mark.parametrize("status", [404, 410])
async def test_a_deleted_log_is_not_found(fake: FakeGitHub, github: GitHub, status: int) -> None:
    fake.fail("GET", "/logs$", status, body={"message": "gone"})
    with pytest.raises(NotFound, match="gone"):
        await read(github, fake.add_run())


async def test_a_log_that_breaks_off_is_told(fake: FakeGitHub, github: GitHub) -> None:
    fake.cut_logs = True
    with pytest.raises(PlatformUnavailable):
        await read(github, fake.add_run(log="half of it"))


async def test_limits_and_outages(fake: FakeGitHub, github: GitHub) -> None:
    fake.fail("GET", "/logs$", 503, times=2)
    assert await read(github, fake.add_run(log="text")) == b"text"
    fake.limit("GET", "/logs$", after=60)
    with pytest.raises(RateLimited):
        await read(github, fake.add_run(log="text"))
