"""Who may do what, what they wrote, and our signs on it."""

import pytest
from tests.fakes.github import FakeGitHub

from pipeline_guard.domain.commands import RequestComment
from pipeline_guard.errors import NotAuthorized, NotFound, PlatformUnavailable
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.read import permission_of


@pytest.mark.parametrize(
    ("role", "permission"),
    [
        ("admin", "admin"),
        ("maintain", "write"),
        ("write", "write"),
        ("triage", "read"),
        ("read", "read"),
        ("none", "none"),
        ("unknown", "none"),
    ],
)
async def test_permission(fake: FakeGitHub, github: GitHub, role: str, permission: str) -> None:
    fake.add_repo().people["ann"] = role
    assert await github.permission("acme/shop", "ann") == permission


async def test_a_login_stays_one_part_of_the_path(fake: FakeGitHub, github: GitHub) -> None:
    fake.add_repo().people |= {"helper[bot]": "write", "ann": "admin"}
    assert await github.permission("acme/shop", "helper[bot]") == "write"
    assert await github.permission("acme/shop", "ann/permission?x=") == "none"


@pytest.mark.parametrize("said", [None, [], {}, {"permission": None}, {"permission": "root"}])
def test_an_odd_answer_gives_nobody_anything(said: object) -> None:
    assert permission_of(said) == "none"


async def test_without_an_answer_nobody_is_let_in(fake: FakeGitHub, github: GitHub) -> None:
    fake.add_repo().people["ann"] = "admin"
    fake.fail("GET", "/permission", 403)
    with pytest.raises(NotAuthorized):
        await github.permission("acme/shop", "ann")
    fake.fail("GET", "/permission", 502, times=9)
    with pytest.raises(PlatformUnavailable):
        await github.permission("acme/shop", "ann")


async def test_a_comment_is_read_as_it_stands_and_only_where_it_belongs(
    fake: FakeGitHub, github: GitHub
) -> None:
    pull, other = fake.add_pull(), fake.add_pull(branch="other")
    made = fake.add_comment(pull, "ann", "/guard retry")
    said = RequestComment("ann", "/guard retry")
    assert await github.read_comment("acme/shop", pull.number, str(made.id)) == said
    for number, comment_id in ((other.number, made.id), (pull.number, 99)):
        with pytest.raises(NotFound):
            await github.read_comment("acme/shop", number, str(comment_id))


async def test_a_sign_is_put_once(fake: FakeGitHub, github: GitHub) -> None:
    pull = fake.add_pull()
    made = fake.add_comment(pull, "ann", "/guard retry")
    for reaction in ("seen", "seen", "done", "refused", "unclear"):
        await github.react("acme/shop", pull.number, str(made.id), reaction)
    signs = [content for _, content in made.reactions]
    assert signs == ["eyes", "hooray", "-1", "confused"]


async def test_an_open_request_is_found_by_its_number(fake: FakeGitHub, github: GitHub) -> None:
    pull, closed = fake.add_pull(), fake.add_pull(state="closed")
    found = await github.read_request("acme/shop", pull.number)
    assert found is not None
    assert (found.number, found.head_sha) == (pull.number, pull.sha)
    assert await github.read_request("acme/shop", closed.number) is None
    assert await github.read_request("acme/shop", 99) is None
