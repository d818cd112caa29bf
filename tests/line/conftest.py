"""The line over a fake platform that keeps state."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import stamina
from tests.fakes.github.server import FakeGitHub
from tests.fakes.gitlab import FakeGitLab
from tests.line.harness import Line, running_line


@pytest.fixture(autouse=True)
def retries_without_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture(scope="session")
def gitlab_server() -> Iterator[FakeGitLab]:
    with FakeGitLab() as running:
        yield running


@pytest.fixture
def gitlab(gitlab_server: FakeGitLab) -> FakeGitLab:
    gitlab_server.reset()
    return gitlab_server


@pytest.fixture(scope="session")
def github_server() -> Iterator[FakeGitHub]:
    with FakeGitHub() as running:
        yield running


@pytest.fixture
def github(github_server: FakeGitHub) -> FakeGitHub:
    github_server.reset()
    return github_server


@pytest.fixture
def mode(request: pytest.FixtureRequest) -> str:
    """The mode the line runs in; a test names another by indirect parametrization."""
    return getattr(request, "param", "act")


@pytest.fixture
async def github_line(
    github: FakeGitHub, database_url: str, tmp_path: Path, mode: str
) -> AsyncIterator[Line]:
    async with running_line(
        database_url,
        tmp_path,
        mode=mode,
        github_api_url=github.url,
        github_token=github.token,
        github_webhook_secret=f"old-secret,{github.secret}",
    ) as line:
        yield line


@pytest.fixture
async def gitlab_line(gitlab: FakeGitLab, database_url: str, tmp_path: Path) -> AsyncIterator[Line]:
    async with running_line(
        database_url,
        tmp_path,
        mode="act",
        gitlab_url=gitlab.url,
        gitlab_token=gitlab.token,
        gitlab_webhook_secret=gitlab.secret_token,
    ) as line:
        yield line
