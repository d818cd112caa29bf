"""One comment of ours per pull request, whatever goes wrong on the way."""

import pytest
from tests.fakes.github import FakeGitHub, Pull

from pipeline_guard.domain.capabilities import CommentResult
from pipeline_guard.domain.events import Event
from pipeline_guard.errors import NotAuthorized, PlatformUnavailable
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.comments import LONGEST_BODY, fitted
from pipeline_guard.platforms.github.credentials import TokenCredentials

MARKER = "<!-- guard -->"


async def upsert(
    github: GitHub, fake: FakeGitHub, pull: Pull, text: str, known: str | None = None
) -> CommentResult:
    made = fake.add_run(pulls=(pull.number,))
    run = await github.read_run(Event("run_finished", "github", "acme/shop", str(made.id)))
    assert run.request is not None
    body = f"{MARKER}\n{text}"
    return await github.upsert_comment(run.repository, run.request, MARKER, body, known)


def bodies(fake: FakeGitHub) -> list[str]:
    return [c.body for c in fake.world.repos["acme/shop"].comments.values()]


async def test_creates_then_edits_then_leaves_alone(fake: FakeGitHub, github: GitHub) -> None:
    pull = fake.add_pull()
    first = await upsert(github, fake, pull, "one")
    assert first.created
    assert first.url
    second = await upsert(github, fake, pull, "two", first.comment_id)
    assert (second.comment_id, second.created) == (first.comment_id, False)
    await upsert(github, fake, pull, "two", first.comment_id)
    await upsert(github, fake, pull, "two")
    assert bodies(fake) == [f"{MARKER}\ntwo"]
    assert (len(fake.calls("POST")), len(fake.calls("PATCH"))) == (1, 1)


async def test_ours_is_found_among_many(fake: FakeGitHub, github: GitHub) -> None:
    pull = fake.add_pull()
    for number in range(120):
        fake.add_comment(pull, "dev", f"{MARKER} pasted {number}")
    ours = fake.add_comment(pull, "guard-bot", f"{MARKER}\nold")
    result = await upsert(github, fake, pull, "new")
    assert result.comment_id == str(ours.id)
    assert ours.body.endswith("new")


async def test_others_are_not_edited_even_when_we_are_unknown(
    fake: FakeGitHub, github: GitHub
) -> None:
    fake.fail("GET", "/user$", 403, body={"message": "Resource not accessible"})
    pull = fake.add_pull()
    theirs = fake.add_comment(pull, "dev", f"{MARKER} pasted")
    result = await upsert(github, fake, pull, "ours")
    assert result.created
    assert theirs.body == f"{MARKER} pasted"
    assert fake.calls("PATCH") == []


async def test_a_bot_that_cannot_ask_for_its_name_finds_its_comment(fake: FakeGitHub) -> None:
    fake.add_token("ghs_job", "github-actions[bot]")
    github = GitHub(Client(fake.url, TokenCredentials("ghs_job"), retry_wait=0))
    pull = fake.add_pull()
    first = await upsert(github, fake, pull, "one")
    again = await upsert(github, fake, pull, "two")
    assert (again.comment_id, again.created) == (first.comment_id, False)
    await github.aclose()


async def test_a_platform_that_lists_no_comments_still_takes_them(
    fake: FakeGitHub, github: GitHub
) -> None:
    pull = fake.add_pull()
    fake.fail("GET", "/comments", 404, times=9)
    assert (await upsert(github, fake, pull, "one")).created


async def test_a_comment_that_cannot_be_read_is_still_edited(
    fake: FakeGitHub, github: GitHub
) -> None:
    pull = fake.add_pull()
    first = await upsert(github, fake, pull, "one")
    fake.fail("GET", "/issues/comments/", 405)
    await upsert(github, fake, pull, "two", first.comment_id)
    assert bodies(fake) == [f"{MARKER}\ntwo"]


async def test_a_deleted_comment_is_written_anew(fake: FakeGitHub, github: GitHub) -> None:
    pull = fake.add_pull()
    first = await upsert(github, fake, pull, "one")
    fake.world.repos["acme/shop"].comments.clear()
    again = await upsert(github, fake, pull, "two", first.comment_id)
    assert again.created
    assert len(bodies(fake)) == 1


@pytest.mark.parametrize("after", [True, False])
async def test_a_502_leaves_one_comment(fake: FakeGitHub, github: GitHub, after: bool) -> None:
    pull = fake.add_pull()
    fake.fail("POST", "/comments", 502, after=after)
    assert (await upsert(github, fake, pull, "one")).created
    assert len(bodies(fake)) == 1


async def test_an_outage_and_missing_rights_are_told(fake: FakeGitHub, github: GitHub) -> None:
    pull = fake.add_pull()
    fake.fail("POST", "/comments", 502, times=2)
    with pytest.raises(PlatformUnavailable):
        await upsert(github, fake, pull, "one")
    fake.fail("POST", "/comments", 403, body={"message": "Resource not accessible"})
    with pytest.raises(NotAuthorized):
        await upsert(github, fake, pull, "one")


@pytest.mark.parametrize("text", ["x" * 99_999 + MARKER, MARKER + "x" * 99_999, "x" * 99_999])
def test_long_bodies_are_cut_and_keep_their_marker(text: str) -> None:
    cut = fitted(text, MARKER)
    assert len(cut) <= LONGEST_BODY
    assert MARKER in cut


async def test_credentials_that_failed_once_leave_no_second_comment(
    fake: FakeGitHub, github: GitHub
) -> None:
    pull = fake.add_pull()
    first = await upsert(github, fake, pull, "one")
    fake.fail("PATCH", "/comments/", 401, times=9)
    with pytest.raises(NotAuthorized):
        await upsert(github, fake, pull, "two", first.comment_id)
    assert bodies(fake) == [f"{MARKER}\none"]
