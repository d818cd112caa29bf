"""Branches and merge requests of ours: made once, never over somebody's work."""

import pytest
from tests.fakes.gitlab import FakeGitLab, Project
from tests.fakes.gitlab.world import REPORTER

from pipeline_guard.errors import Conflict, NotAuthorized, NotFound, PlatformUnavailable, Rejected
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform

FILES: dict[str, bytes | None] = {"README.md": b"Better\n", "docs/new.bin": b"\x00\xff"}


@pytest.fixture
def project(fake: FakeGitLab) -> Project:
    return fake.add_project("group/sub/app")


async def branch(platform: GitLabPlatform, project: Project, message: str = "Fix it") -> str:
    base = project.branches["main"]
    return await platform.create_branch_with_files(
        project.path, "guard/fix-1", base, FILES, message
    )


@pytest.mark.parametrize("lost", [False, True])
async def test_a_branch_is_one_commit_on_its_base(
    fake: FakeGitLab, platform: GitLabPlatform, project: Project, lost: bool
) -> None:
    base = project.branches["main"]
    if lost:
        fake.fail_next("POST", "/repository/commits", 504, after=True)
    sha = await branch(platform, project)
    assert await branch(platform, project) == sha
    assert project.branches == {"main": base, "guard/fix-1": sha}
    assert project.trees[sha] == FILES
    assert project.commits[sha].parent == base
    assert len(fake.calls("POST")) == 1


async def test_a_branch_that_holds_something_else_is_left_alone(
    fake: FakeGitLab, platform: GitLabPlatform, project: Project
) -> None:
    sha = await branch(platform, project)
    with pytest.raises(Conflict, match="something else"):
        await branch(platform, project, "Another fix")
    project.commits[sha].parent = "f" * 40
    with pytest.raises(Conflict):
        await branch(platform, project)
    assert len(fake.calls("POST")) == 1


async def test_files_can_be_deleted_and_must_be_there(
    platform: GitLabPlatform, project: Project
) -> None:
    base = project.branches["main"]
    sha = await platform.create_branch_with_files(
        project.path, "one", base, {"README.md": None}, "Remove"
    )
    assert project.trees[sha] == {}
    with pytest.raises(Rejected):
        await platform.create_branch_with_files(project.path, "two", base, {"no": None}, "Remove")


async def test_a_branch_needs_a_developer_and_a_server_that_answers(
    fake: FakeGitLab, platform: GitLabPlatform, project: Project
) -> None:
    fake.fail_next("POST", "/repository/commits", 502)
    with pytest.raises(PlatformUnavailable):
        await branch(platform, project)
    project.members[fake.bot] = REPORTER
    with pytest.raises(NotAuthorized):
        await branch(platform, project)
    project.members.clear()
    with pytest.raises(NotFound):
        await branch(platform, project)


@pytest.mark.parametrize("lost", [False, True])
async def test_a_request_is_opened_once(
    fake: FakeGitLab, platform: GitLabPlatform, project: Project, lost: bool
) -> None:
    await branch(platform, project)
    fork = fake.add_project("dev/app", forked_from=project)
    fake.add_merge_request(project, "guard/fix-1", source=fork)
    if lost:
        fake.fail_next("POST", "/merge_requests", 502, after=True)
    first = await platform.open_request(
        project.path, "guard/fix-1", "main", "Fix it", "why\n/merge"
    )
    again = await platform.open_request(project.path, "guard/fix-1", "main", "Fix it", "why")
    assert (first.created, again.created, first.number) == (True, False, again.number)
    request = fake.world.requests[project.id, first.number]
    assert (request.state, request.author) == ("opened", fake.bot)
    assert str(first.url).endswith(f"/merge_requests/{first.number}")


async def test_a_request_that_another_worker_just_opened_is_taken(
    fake: FakeGitLab, platform: GitLabPlatform, project: Project
) -> None:
    await branch(platform, project)
    fake.fail_next("POST", "/merge_requests", 409, after=True)
    found = await platform.open_request(project.path, "guard/fix-1", "main", "Fix it", "why")
    assert not found.created
    fake.world.requests.clear()
    fake.fail_next("POST", "/merge_requests", 409)
    with pytest.raises(Conflict):
        await platform.open_request(project.path, "guard/fix-1", "main", "Fix it", "why")
