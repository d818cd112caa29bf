"""GitLab's answers become our errors; reads are tried again, writes are not, tokens stay home."""

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes.gitlab import FakeGitLab

from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.errors import (
    Conflict,
    NotAuthorized,
    NotFound,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    Rejected,
)
from pipeline_guard.platforms.gitlab import build, shapes
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform
from pipeline_guard.platforms.gitlab.client import GitLabClient, ca_bundle
from pipeline_guard.settings import Settings

KINDS = [
    (400, Rejected),
    (401, NotAuthorized),
    (403, NotAuthorized),
    (404, NotFound),
    (405, Rejected),
    (409, Conflict),
    (410, NotFound),
    (422, Rejected),
    (429, RateLimited),
    (500, PlatformUnavailable),
    (503, PlatformUnavailable),
]


@pytest.mark.parametrize(("status", "kind"), KINDS)
async def test_every_answer_has_its_error(
    fake: FakeGitLab, client: GitLabClient, status: int, kind: type[PlatformError]
) -> None:
    fake.fail_next("GET", "/user", status, times=3)
    fake.fail_next("POST", "/projects", status)
    with pytest.raises(kind) as read:
        await client.get("/user")
    with pytest.raises(kind) as written:
        await client.write("post", "/projects/1/pipelines/1/retry")
    fake.fail_next("GET", "/trace", status, times=3)
    with pytest.raises(kind):
        await anext(client.stream("/projects/1/jobs/1/trace"))
    for caught in (read, written):
        assert caught.value.status == status
        assert "upstream trouble" in str(caught.value)
        assert fake.token not in str(caught.value)


async def test_a_read_is_tried_three_times_and_a_write_once(
    fake: FakeGitLab, client: GitLabClient
) -> None:
    fake.fail_next("GET", "/user", 502, times=2)
    assert (await client.get("/user"))["username"] == fake.bot
    assert len(fake.calls("GET")) == 3
    fake.fail_next("POST", "/projects", 502, times=3)
    with pytest.raises(PlatformUnavailable):
        await client.write("post", "/projects/1/jobs/1/retry")
    assert len(fake.calls("POST")) == 1


async def test_a_limit_is_reported_at_once_with_its_end(
    fake: FakeGitLab, client: GitLabClient
) -> None:
    fake.limit(0, seconds=90)
    for call in (client.get("/user"), anext(client.stream("/projects/1/jobs/1/trace"))):
        with pytest.raises(RateLimited) as caught:
            await call
        end = datetime.now(UTC) + timedelta(seconds=90)
        assert caught.value.retry_at is not None
        assert abs(caught.value.retry_at - end) < timedelta(seconds=5)


async def test_a_limit_whose_end_is_told_by_its_reset_alone(
    fake: FakeGitLab, client: GitLabClient
) -> None:
    end = int(datetime.now(UTC).timestamp()) + 90
    fake.fail_next("GET", "/user", 429, headers={"RateLimit-Reset": f"{end}"})
    with pytest.raises(RateLimited) as caught:
        await client.get("/user")
    assert caught.value.retry_at == datetime.fromtimestamp(end, UTC)


@pytest.fixture
async def nobody() -> AsyncIterator[GitLabClient]:
    client = GitLabClient("http://127.0.0.1:1", "t", timeout=1)
    yield client
    await client.aclose()


async def test_no_answer_is_worth_another_try(nobody: GitLabClient) -> None:
    with pytest.raises(PlatformUnavailable):
        await nobody.get("/user")
    with pytest.raises(PlatformUnavailable):
        await nobody.write("post", "/x")
    with pytest.raises(PlatformUnavailable):
        await anext(nobody.stream("/x"))


async def test_an_address_that_is_not_gitlabs_says_so(fake: FakeGitLab) -> None:
    client = GitLabClient(fake.url, fake.token, timeout=5)
    fake.fail_next("GET", "", 200, times=3)  # a page instead of JSON
    with pytest.raises(Rejected, match="JSON"):
        await client.get("/user")
    with pytest.raises(Rejected, match="JSON"):
        await client.list("/projects", limit=1)
    await client.aclose()


async def test_answers_of_another_shape_are_refused(fake: FakeGitLab, client: GitLabClient) -> None:
    project = fake.add_project("group/app")
    with pytest.raises(Rejected, match="object"):
        await client.get(f"/projects/{project.id}/pipelines")
    with pytest.raises(Rejected, match="list"):
        await client.list("/user", limit=1)
    with pytest.raises(Rejected, match="no id"):
        shapes.run_of({"id": 1}, {}, [], None, None)
    with pytest.raises(Rejected, match="no id"):
        shapes.jobs_of([{"name": "unit"}])


async def test_a_redirect_elsewhere_loses_the_token(fake: FakeGitLab, client: GitLabClient) -> None:
    fake.fail_next("GET", "/user", 302, headers={"Location": fake.storage_url + "/api"})
    with pytest.raises(NotAuthorized):
        await client.get("/user")
    (headers,) = fake.storage_headers
    assert fake.token not in str(headers)


async def test_a_write_is_not_redirected_into_a_read(
    fake: FakeGitLab, client: GitLabClient
) -> None:
    fake.fail_next("POST", "/x", 301, headers={"Location": f"{fake.url}/api/v4/user"})
    with pytest.raises(Rejected, match="redirect"):
        await client.write("post", "/x")


async def test_a_log_redirected_in_circles_ends(fake: FakeGitLab, client: GitLabClient) -> None:
    fake.fail_next("GET", "/trace", 302, times=9, headers={"Location": "trace"})
    with pytest.raises(Rejected, match="without end"):
        await anext(client.stream("/projects/1/jobs/1/trace"))
    fake.fail_next("GET", "/other", 302, times=9, headers={"Location": "file:///etc/passwd"})
    with pytest.raises(PlatformError):
        await anext(client.stream("/other"))


def test_the_ca_file_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    assert ca_bundle() is None
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/b.pem")
    assert ca_bundle() == "/b.pem"
    monkeypatch.setenv("SSL_CERT_FILE", ssl.get_default_verify_paths().openssl_cafile)
    assert ca_bundle() == ssl.get_default_verify_paths().openssl_cafile


@pytest.mark.parametrize("name", ["no-such.pem", "."])
def test_an_unusable_ca_file_switches_it_off(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", name)
    off = build(settings(gitlab_token="t", gitlab_webhook_secret="s"))
    assert isinstance(off, str)
    assert "CA file" in off


async def test_doctor_hears_who_we_are(fake: FakeGitLab, platform: GitLabPlatform) -> None:
    assert await platform.check() == f"Connected to {fake.url} as {fake.bot}."
    assert await platform.identity() == fake.bot


async def test_a_wrong_token_is_nobody(fake: FakeGitLab, platform: GitLabPlatform) -> None:
    fake.world.tokens.clear()
    assert await platform.identity() is None
    with pytest.raises(NotAuthorized):
        await platform.check()


def settings(**values: str) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"gitlab_token": "t"}, "GITLAB_WEBHOOK_SECRET"),
        ({"gitlab_token": "t", "gitlab_webhook_secret": " , "}, "GITLAB_WEBHOOK_SECRET"),
        ({"gitlab_webhook_secret": "s"}, "GITLAB_TOKEN"),
        ({"gitlab_webhook_secret": "s", "gitlab_token": " "}, "GITLAB_TOKEN"),
        ({"gitlab_signing_token": "whsec_", "gitlab_token": "t"}, "GITLAB_SIGNING_TOKEN"),
    ],
)
def test_what_is_missing_switches_it_off(values: dict[str, str], reason: str) -> None:
    off = build(settings(**values))
    assert isinstance(off, str)
    assert reason in off


async def test_a_secret_and_a_token_switch_it_on(fake: FakeGitLab) -> None:
    on = build(
        settings(
            gitlab_url=fake.url, gitlab_token=fake.token, gitlab_webhook_secret="a,plain-secret"
        )
    )
    assert isinstance(on, Connected)
    pipeline = fake.add_pipeline(fake.add_project("group/app"))
    fake.add_job(pipeline, "unit", status="failed")
    delivery = fake.pipeline_hook(pipeline)
    on.reader.verify(delivery.lower, delivery.body)
    event = on.reader.parse(delivery.lower, delivery.body).outcome
    assert (await on.platform.read_run(event)).conclusion == "failure"  # type: ignore[arg-type]
    await on.platform.aclose()


def test_a_signing_token_alone_is_enough(fake: FakeGitLab) -> None:
    on = build(settings(gitlab_token="t", gitlab_signing_token=fake.signing_token))
    assert isinstance(on, Connected)
    project = fake.add_project("group/app")
    job = fake.add_job(fake.add_pipeline(project), "unit", status="failed")
    request = fake.add_merge_request(project, "feature")
    for delivery in (
        fake.job_hook(job, signed=True),
        fake.note_hook(request, fake.add_note(request, "dev", "/guard retry"), signed=True),
    ):
        on.reader.verify(delivery.lower, delivery.body)
        parsed = on.reader.parse(delivery.lower, delivery.body)
        assert parsed.delivery_id == delivery.headers["webhook-id"]
