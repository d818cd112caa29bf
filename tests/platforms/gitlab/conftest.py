"""One fake GitLab for all tests of this folder, emptied before each, and an adapter to it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import stamina
from tests.fakes.gitlab import FakeGitLab

from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform
from pipeline_guard.platforms.gitlab.client import GitLabClient


@pytest.fixture(scope="session")
def server() -> Iterator[FakeGitLab]:
    with FakeGitLab(prefix="/git") as running:
        yield running


@pytest.fixture
def fake(server: FakeGitLab) -> FakeGitLab:
    server.reset()
    return server


@pytest.fixture
async def client(fake: FakeGitLab) -> AsyncIterator[GitLabClient]:
    made = GitLabClient(fake.url, fake.token, timeout=5)
    yield made
    await made.aclose()


@pytest.fixture
def platform(client: GitLabClient) -> GitLabPlatform:
    return GitLabPlatform(client)


@pytest.fixture(autouse=True)
def retries_without_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield
