"""Who may do what, what they wrote, and our awards on it."""

import pytest
from tests.fakes.gitlab import FakeGitLab

from pipeline_guard.domain.commands import RequestComment
from pipeline_guard.errors import NotAuthorized, NotFound
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform


@pytest.mark.parametrize(
    ("level", "permission"),
    [
        (50, "admin"),
        (40, "admin"),
        (30, "write"),
        (25, "read"),
        (20, "read"),
        (10, "read"),
        (5, "none"),
    ],
)
async def test_permission(
    fake: FakeGitLab, platform: GitLabPlatform, level: int, permission: str
) -> None:
    project = fake.add_project("acme/shop")
    project.members |= {"ann": level, "annabel": 50, "joann": 50}
    assert await platform.permission("acme/shop", "Ann") == permission


@pytest.mark.parametrize(("visibility", "permission"), [("public", "read"), ("private", "none")])
async def test_who_is_no_member_may_what_everybody_may(
    fake: FakeGitLab, platform: GitLabPlatform, visibility: str, permission: str
) -> None:
    project = fake.add_project("acme/shop")
    project.visibility = visibility
    assert await platform.permission("acme/shop", "ann") == permission


async def test_without_an_answer_nobody_is_let_in(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    fake.add_project("acme/shop").members["ann"] = 50
    fake.fail_next("GET", "/members/all", 403)
    with pytest.raises(NotAuthorized):
        await platform.permission("acme/shop", "ann")


async def test_a_note_is_read_as_it_stands(fake: FakeGitLab, platform: GitLabPlatform) -> None:
    project = fake.add_project("acme/shop")
    request, other = (fake.add_merge_request(project, name) for name in ("a", "b"))
    note = fake.add_note(request, "ann", "/guard retry")
    said = RequestComment("ann", "/guard retry")
    assert await platform.read_comment("acme/shop", request.iid, str(note.id)) == said
    with pytest.raises(NotFound):
        await platform.read_comment("acme/shop", other.iid, str(note.id))


async def test_an_award_is_given_once(fake: FakeGitLab, platform: GitLabPlatform) -> None:
    request = fake.add_merge_request(fake.add_project("acme/shop"), "a")
    note = fake.add_note(request, "ann", "/guard retry")
    for reaction in ("seen", "seen", "done", "refused", "unclear"):
        await platform.react("acme/shop", request.iid, str(note.id), reaction)
    names = [name for _, name in note.awards]
    assert names == ["eyes", "tada", "thumbsdown", "confused"]
    with pytest.raises(NotFound):
        await platform.react("acme/shop", request.iid, "999", "seen")


async def test_an_open_request_is_found_by_its_number(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    project = fake.add_project("acme/shop")
    request = fake.add_merge_request(project, "a")
    found = await platform.read_request("acme/shop", request.iid)
    assert found is not None
    assert (found.number, found.head_sha) == (request.iid, request.sha)
    request.state = "merged"
    assert await platform.read_request("acme/shop", request.iid) is None
    assert await platform.read_request("acme/shop", 99) is None
