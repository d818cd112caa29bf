"""Branches and pull requests of ours on GitHub: made once, never over somebody's work."""

import contextlib

import pytest
from tests.fakes.github.server import SHA, FakeGitHub

from pipeline_guard.errors import Conflict, NotAuthorized, PlatformUnavailable, Rejected
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.changes import GitHubChanges

NAME = "pipeline-guard/abc-1"
SCRIPT, TEXT = b"#!/bin/sh\necho a\n", b"a\n"
FILES = {"bin/run": "#!/bin/sh\necho ü\n".encode(), "docs/deep/a.md": b"b\n"}


@pytest.fixture
def repo(fake: FakeGitHub):
    home = fake.add_repo(feature=SHA)
    home.files = {"bin/run": SCRIPT, "docs/deep/a.md": TEXT, "link": b"docs"}
    home.modes = {SCRIPT: "100755", b"docs": "120000"}
    return home


@pytest.fixture
def changes(github: GitHub, repo) -> GitHubChanges:
    return github.changes(repo.name)


async def test_plain_files_are_read_at_a_commit_and_nothing_else_is(changes, repo):
    repo.files_at["c" * 40] = {"docs/deep/a.md": b"other\n"}
    assert await changes.read_file("docs/deep/a.md", SHA) == TEXT
    assert await changes.read_file("docs/deep/a.md", "c" * 40) == b"other\n"
    for path in ("link", "docs", "docs/deep", "docs/deep/a.md/x", "no/such", "gone"):
        assert await changes.read_file(path, SHA) is None


async def test_files_of_a_request_come_in_pages_without_the_deleted(fake, changes):
    pull = fake.add_pull()
    pull.files = {f"f{number}": "modified" for number in range(150)} | {"gone": "removed"}
    assert await changes.changed_files(pull.number) == [f"f{number}" for number in range(150)]


@pytest.mark.parametrize("lost", ["", "/git/trees", "/git/commits", "/git/refs"])
async def test_a_branch_is_one_commit_on_its_base_and_keeps_modes(fake, changes, repo, lost):
    if lost:
        fake.fail("POST", lost, 502, after=True)
        with (
            pytest.raises(PlatformUnavailable) if lost != "/git/refs" else contextlib.nullcontext()
        ):
            await changes.create_branch(NAME, SHA, FILES, "Mend it")
    sha = await changes.create_branch(NAME, SHA, FILES, "Mend it")
    assert await changes.create_branch(NAME, SHA, FILES, "Mend it") == sha
    assert repo.branches == {"main": "a" * 40, "feature": SHA, NAME: sha}
    assert repo.commits[sha]["parents"] == [SHA]
    assert fake.api.git.content(repo.name, NAME) == {**repo.files, **FILES}
    sent = fake.calls("POST", "/git/trees")[-1].body["tree"]
    assert {item["path"]: item["mode"] for item in sent} == {
        "bin/run": "100755", "docs/deep/a.md": "100644",
    }  # fmt: skip


async def test_a_branch_that_holds_something_else_is_left_alone(changes, repo):
    repo.branches[NAME] = "d" * 40
    with pytest.raises(Conflict, match="something else"):
        await changes.create_branch(NAME, SHA, FILES, "Mend it")
    assert repo.branches[NAME] == "d" * 40
    with pytest.raises(Conflict, match="no plain file"):
        await changes.create_branch("pipeline-guard/x", SHA, {"link": b"x"}, "Mend it")


@pytest.mark.parametrize("lost", [False, True])
async def test_a_request_is_opened_once(fake, changes, repo, lost):
    await changes.create_branch(NAME, SHA, FILES, "Mend it")
    fake.add_pull(branch=NAME, head_repo="stranger/shop").base = "feature"
    if lost:
        fake.fail("POST", "/pulls$", 502, after=True)
    made = await changes.open_request(NAME, "feature", "Mend\nit", "why")
    assert await changes.open_request(NAME, "feature", "Mend it", "why") == made
    assert repo.pulls[made.number].title == "Mend it"
    assert await changes.proposed("feature", "pipeline-guard/abc") == [made]
    repo.pulls[made.number].state = "closed"
    repo.pulls[made.number].merged = True
    assert [one.state for one in await changes.proposed("feature", NAME)] == ["merged"]
    assert await changes.proposed("main", NAME) == []


async def test_what_github_refuses_is_told_as_what_it_is(fake, changes, repo):
    fake.add_token(fake.token, fake.login, contents="read")
    with pytest.raises(NotAuthorized):
        await changes.create_branch(NAME, SHA, FILES, "Mend it")
    with pytest.raises(Rejected):
        await changes.open_request("pipeline-guard/none", "feature", "Mend it", "why")
    assert not await changes.is_protected("feature")
    repo.protected.add("feature")
    assert await changes.is_protected("feature")
    assert not await changes.is_protected("gone")
