"""One fake GitHub for all tests of this folder, emptied before each, and an adapter to it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import stamina
from tests.fakes.github import FakeGitHub

from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.credentials import TokenCredentials


@pytest.fixture(scope="session")
def server() -> Iterator[FakeGitHub]:
    with FakeGitHub(prefix="/api/v3") as running:
        yield running


@pytest.fixture
def fake(server: FakeGitHub) -> FakeGitHub:
    server.reset()
    return server


@pytest.fixture
async def github(fake: FakeGitHub) -> AsyncIterator[GitHub]:
    made = GitHub(Client(fake.url, TokenCredentials(fake.token), retry_wait=0))
    yield made
    await made.aclose()


@pytest.fixture(autouse=True)
def retries_without_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield
