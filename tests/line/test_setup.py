"""Registering an App in the browser: from the setup token to an App in use, without a restart."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.fakes.github import FakeGitHub, hooks
from tests.line.test_github import DNS

from pipeline_guard import worker
from pipeline_guard.settings import Settings
from pipeline_guard.stages import assemble
from pipeline_guard.stages.upkeep import registrations
from pipeline_guard.stages.upkeep.registrations import Registrations
from pipeline_guard.store.session import Database
from pipeline_guard.vault import KEY_FILE
from pipeline_guard.web.app import create_app

PUBLIC = "https://guard.example.org"


class Process:
    """One process of the service: its platforms, its registrations, perhaps a browser's way in."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.platforms = assemble.connect_platforms(settings)
        self.registrations = Registrations(settings, database, self.platforms)
        self.browser: httpx.AsyncClient


@contextlib.asynccontextmanager
async def process(url: str, data_dir: Path, github: FakeGitHub, **more) -> AsyncIterator[Process]:
    chosen = Settings(
        _env_file=None, data_dir=data_dir, mode="act", github_api_url=github.url,
        public_url=PUBLIC, api_token="t", **more,
    )  # fmt: skip
    database, queue = Database(url), worker.queue_app(url, connections=2)
    made = Process(chosen, database)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        await stack.enter_async_context(queue.open_async())
        stack.push_async_callback(made.platforms.aclose)
        await made.registrations.refresh()
        app = create_app(chosen, database, made.platforms.on, worker.TaskQueue(queue), None,
                         made.registrations)  # fmt: skip
        await stack.enter_async_context(made.registrations.running())
        await stack.enter_async_context(app.router.lifespan_context(app))
        made.browser = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC)
        )
        yield made


@pytest.fixture
async def web(github, database_url, tmp_path) -> AsyncIterator[Process]:
    async with process(database_url, tmp_path, github) as running:
        yield running


def value_of(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]* value="([^"]*)"', page)
    assert found, page
    return unescape(found[1])


async def confirm(web: Process, github: FakeGitHub) -> str:
    """As far as GitHub's redirect back; what the person does there is the fake's."""
    token = await web.registrations.setup_token()
    page = (await web.browser.get("/setup", params={"token": token})).text
    fields = {name: value_of(page, name) for name in ("token", "public_url")}
    answer = await web.browser.post("/setup", data=fields | {"organisation": "acme"})
    assert answer.status_code == 200, answer.text
    action = unescape(re.search(r'action="(http[^"]*)"', answer.text)[1])
    assert action.startswith(f"{github.url}/organizations/acme/settings/apps/new?state=")
    assert f"form-action 'self' {github.url};" in answer.headers["content-security-policy"]
    state = parse_qs(urlsplit(action).query)["state"][0]
    return github.api.manifests.confirm(value_of(answer.text, "manifest"), state)


async def test_from_the_setup_token_to_an_app_in_use_without_a_restart(
    web, github, database_url, tmp_path, monkeypatch
):
    monkeypatch.setattr(registrations, "LOOK_SECONDS", 0.02)
    hook = {"content-type": "application/json"}
    assert (await web.browser.post("/webhooks/github", headers=hook)).status_code == 404
    async with process(database_url, tmp_path, github) as other:
        back = await confirm(web, github)
        page = await web.browser.get(back)
        assert "/apps/pipeline-guard-guard.example.org/installations/new" in page.text
        while other.registrations.wanted:
            await _moment()
        for one in (web, other):
            platform = one.platforms.on["github"].platform
            assert await platform.identity() == "guard[bot]"
            assert "github" not in one.platforms.off
    (made,) = github.api.manifests.made
    assert made["hook_attributes"]["url"] == f"{PUBLIC}/webhooks/github"
    assert made["default_permissions"]["actions"] == "write"
    run = github.add_run(log=DNS)
    body = hooks.payload(github.url, "workflow_run", run, "completed", None)
    for secret, status in (("secret-1", 202), ("secret-2", 401)):
        headers, raw = hooks.signed("workflow_run", body, secret, None)
        answer = await web.browser.post("/webhooks/github", headers=headers, content=raw)
        assert answer.status_code == status


async def test_a_link_is_offered_only_where_nothing_is_connected_yet(database_url, tmp_path):
    buildbot = {"buildbot_url": "http://127.0.0.1:9", "buildbot_webhook_token": "t"}
    half = {"github_webhook_secret": "s"}
    database = Database(database_url)
    try:
        for more, offered in (({}, True), (buildbot, False), (half, False)):
            settings = Settings(_env_file=None, data_dir=tmp_path, public_url=PUBLIC, **more)
            made = Process(settings, database)
            assert made.registrations.invited is offered, more
            await made.platforms.aclose()
        link = await made.registrations.setup_link("http://127.0.0.1:8000")
    finally:
        await database.close()
    assert link.startswith(f"{PUBLIC}/setup?token=")


async def test_an_admin_comes_by_a_setup_token_on_the_page_settings(web, database_url):
    shown = await web.browser.get("/settings", headers={"authorization": "Bearer t"})
    assert 'action="/setup/invite"' in shown.text
    assert (await web.browser.post("/setup/invite")).status_code == 401
    answer = await web.browser.post("/setup/invite", headers={"authorization": "Bearer t"})
    assert answer.status_code == 303
    page = await web.browser.get(answer.headers["location"])
    assert value_of(page.text, "token") in answer.headers["location"]
    fields = {name: value_of(page.text, name) for name in ("token", "public_url")}
    assert (await web.browser.post("/setup", data=fields)).status_code == 200


async def _moment() -> None:
    await asyncio.sleep(0.01)


async def test_its_secrets_are_sealed_with_a_key_that_is_nobody_elses(
    web, github, database_url, tmp_path
):
    await web.browser.get(await confirm(web, github))
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    database = Database(database_url)
    async with database.transaction() as session:
        row = await registrations.registrations.get(session, "github")
    await database.close()
    assert b"PRIVATE KEY" not in row.sealed
    assert b"secret-1" not in row.sealed
    elsewhere = tmp_path / "elsewhere"
    async with process(database_url, elsewhere, github) as other:
        assert "sealed with another key" in other.platforms.off["github"]
        assert (await other.browser.post("/webhooks/github")).status_code == 404
    audit = await web.browser.get("/api/v1/audit", headers={"authorization": "Bearer t"})
    (entry,) = audit.json()["items"]
    assert entry["action"] == "app.registered"
    assert "PRIVATE" not in audit.text


async def test_after_a_restart_it_is_still_in_use(web, github, database_url, tmp_path):
    await web.browser.get(await confirm(web, github))
    async with process(database_url, tmp_path, github) as again:
        assert "github" in again.platforms.on


async def test_a_setup_token_is_good_once_and_only_a_real_one(web, github):
    for token in ("", "guessed"):
        fields = {"token": token, "public_url": PUBLIC}
        assert (await web.browser.post("/setup", data=fields)).status_code == 403
    token = await web.registrations.setup_token()
    fields = {"token": token, "public_url": "javascript:alert(1)"}
    assert (await web.browser.post("/setup", data=fields)).status_code == 403
    fields["public_url"] = PUBLIC
    assert (await web.browser.post("/setup", data=fields)).status_code == 200
    assert (await web.browser.post("/setup", data=fields)).status_code == 403


async def test_a_way_back_with_a_wrong_state_or_from_another_browser_registers_nothing(web, github):
    back = await confirm(web, github)
    wrong = re.sub("state=.*", "state=guessed", back)
    assert (await web.browser.get(wrong)).status_code == 403
    cookies = dict(web.browser.cookies)
    web.browser.cookies.clear()
    assert (await web.browser.get(back)).status_code == 403
    assert github.calls("POST", "/conversions") == []
    web.browser.cookies.update(cookies)
    assert (await web.browser.get(back)).status_code == 200
    assert (await web.browser.get(back)).status_code == 403, "a state is good once"
    assert len(github.calls("POST", "/conversions")) == 1


@pytest.mark.parametrize("status", [404, 422, 429, 500])
async def test_when_github_says_no_it_is_told(web, github, status):
    back = await confirm(web, github)
    github.fail("POST", "/conversions", status)
    answer = await web.browser.get(back)
    assert answer.status_code == 403
    assert 'role="alert"' in answer.text
    assert web.registrations.wanted


async def test_the_environment_comes_first(web, github, database_url, tmp_path):
    await web.browser.get(await confirm(web, github))
    more = {"github_token": github.token, "github_webhook_secret": github.secret}
    async with process(database_url, tmp_path, github, **more) as other:
        assert await other.platforms.on["github"].platform.identity() == "guard-bot"
        assert "configured by the environment" in (await other.browser.get("/setup")).text
