"""The line over a fake platform that keeps state."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import stamina
from tests.fakes.github.server import FakeGitHub
from tests.fakes.gitlab import FakeGitLab
from tests.line.harness import Guarded, Line, on_github, on_gitlab, running_line


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


@pytest.fixture
def mode(request: pytest.FixtureRequest) -> str:
    """The mode the line runs in; a test names another by indirect parametrization."""
    return getattr(request, "param", "act")


@pytest.fixture
def guarded(github: FakeGitHub, database_url: str, tmp_path: Path) -> Guarded:
    """A line on GitHub under the guard.yaml whose text it is called with."""

    def start(text: str, **settings: Any) -> AbstractAsyncContextManager[Line]:
        file = tmp_path / "guard.yaml"
        file.write_text(text)
        settings = on_github(github) | {"config": file} | settings
        return running_line(database_url, tmp_path, **settings)

    return start


@pytest.fixture
async def github_line(
    github: FakeGitHub, database_url: str, tmp_path: Path, mode: str
) -> AsyncIterator[Line]:
    settings = on_github(github) | {"github_webhook_secret": f"old-secret,{github.secret}"}
    async with running_line(database_url, tmp_path, mode=mode, **settings) as line:
        yield line


@pytest.fixture
async def gitlab_line(gitlab: FakeGitLab, database_url: str, tmp_path: Path) -> AsyncIterator[Line]:
    async with running_line(database_url, tmp_path, mode="act", **on_gitlab(gitlab)) as line:
        yield line
