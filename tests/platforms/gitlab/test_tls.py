"""A self-managed GitLab behind its own CA is reached once the environment names that CA."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.fakes.certificate import certificate
from tests.fakes.gitlab import FakeGitLab

from pipeline_guard.errors import PlatformUnavailable
from pipeline_guard.platforms.gitlab.client import GitLabClient


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls") / "server.pem")


@pytest.fixture(scope="module")
def private(pem: Path) -> Iterator[FakeGitLab]:
    with FakeGitLab(pem=str(pem)) as running:
        yield running


@pytest.fixture(params=["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", None])
async def stranger(
    request: pytest.FixtureRequest,
    private: FakeGitLab,
    pem: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[tuple[GitLabClient, bool]]:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    if request.param:
        monkeypatch.setenv(request.param, str(pem))
    client = GitLabClient(private.url, private.token, timeout=5)
    yield client, request.param is not None
    await client.aclose()


async def test_the_ca_of_the_environment_is_believed_and_no_other(
    private: FakeGitLab, stranger: tuple[GitLabClient, bool]
) -> None:
    client, trusted = stranger
    project = private.add_project("group/app")
    job = private.add_job(private.add_pipeline(project), "unit", trace=b"a log\n")
    log = client.stream(f"/projects/{project.id}/jobs/{job.id}/trace")
    if trusted:
        assert (await client.get("/user"))["username"] == private.bot
        assert await anext(log) == b"a log\n"
    else:
        for call in (client.get("/user"), anext(log)):
            with pytest.raises(PlatformUnavailable, match="certificate"):
                await call
    await log.aclose()
