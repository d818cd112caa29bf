"""The line over a fake platform that keeps state."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import stamina
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


@pytest.fixture
async def gitlab_line(
    gitlab: FakeGitLab, database_url: str, tmp_path: Path
) -> AsyncIterator[Line]:
    async with running_line(
        database_url,
        tmp_path,
        mode="act",
        gitlab_url=gitlab.url,
        gitlab_token=gitlab.token,
        gitlab_webhook_secret=gitlab.secret_token,
    ) as line:
        yield line
