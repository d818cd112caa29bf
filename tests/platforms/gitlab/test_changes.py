"""Branches and merge requests of ours: made once, never over somebody's work."""

import pytest
from tests.fakes.gitlab import FakeGitLab, Project
from tests.fakes.gitlab.world import REPORTER

from pipeline_guard.errors import Conflict, NotAuthorized, NotFound, PlatformUnavailable, Rejected
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform

FILES = {"README.md": "Better ü\n".encode()}


@pytest.fixture
def project(fake: FakeGitLab) -> Project:
    return fake.add_project("group/sub/app")


async def branch(platform: GitLabPlatform, project: Project, message: str = "Fix it") -> str:
    base = project.branches["main"]
    changes = platform.changes(project.path)
    return await changes.create_branch("guard/fix-1", base, FILES, message)


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


async def test_a_file_must_be_there(platform: GitLabPlatform, project: Project) -> None:
    base = project.branches["main"]
    with pytest.raises(Rejected):
        await platform.changes(project.path).create_branch("two", base, {"no": b""}, "Change")


async def test_files_are_read_at_a_commit_and_of_a_request(
    fake: FakeGitLab, platform: GitLabPlatform, project: Project
) -> None:
    changes = platform.changes(project.path)
    sha = await branch(platform, project)
    assert await changes.read_file("README.md", sha) == FILES["README.md"]
    assert await changes.read_file("README.md", project.branches["main"]) != FILES["README.md"]
    assert await changes.read_file("no/such", sha) is None
    request = fake.add_merge_request(project, "feature")
    request.files = {"src/a b.py": False, "gone.py": True}
    assert await changes.changed_files(request.iid) == ["src/a b.py"]


async def test_a_protected_branch_is_known(platform: GitLabPlatform, project: Project) -> None:
    changes = platform.changes(project.path)
    assert not await changes.is_protected("main")
    project.protected.add("main")
    assert await changes.is_protected("main")
    assert not await changes.is_protected("gone")


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
    changes = platform.changes(project.path)
    first = await changes.open_request("guard/fix-1", "main", "Fix it", "why\n/merge")
    again = await changes.open_request("guard/fix-1", "main", "Fix it", "why")
    assert first == again
    assert await changes.proposed("main", "guard/fix") == [first]
    assert await changes.proposed("main", "guard/other") == []
    request = fake.world.requests[project.id, first.number]
    assert (request.state, request.author) == ("opened", fake.bot)
    assert str(first.url).endswith(f"/merge_requests/{first.number}")


async def test_a_request_that_another_worker_just_opened_is_taken(
    fake: FakeGitLab, platform: GitLabPlatform, project: Project
) -> None:
    await branch(platform, project)
    fake.fail_next("POST", "/merge_requests", 409, after=True)
    changes = platform.changes(project.path)
    assert (await changes.open_request("guard/fix-1", "main", "Fix it", "why")).state == "open"
    fake.world.requests.clear()
    fake.fail_next("POST", "/merge_requests", 409)
    with pytest.raises(Conflict):
        await changes.open_request("guard/fix-1", "main", "Fix it", "why")
