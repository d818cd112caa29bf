"""A real Chromium before the real service: web, worker, PostgreSQL, and a fake GitHub."""

import itertools
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import stamina
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright
from playwright.async_api import Error as PlaywrightError
from tests.fakes.github.server import FakeGitHub
from tests.line.harness import Line, running_line
from tests.web.browser import seed
from tests.web.serving import served

from pipeline_guard.settings import Settings
from pipeline_guard.store import switches
from pipeline_guard.store.session import Database
from pipeline_guard.web.app import create_app

TOKEN = "token-of-the-browser-tests"
SHOTS = Path(__file__).parents[3] / "artifacts" / "browser"
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_names = itertools.count()


@dataclass
class Site:
    """The running service: its address, its line, its store, and failures it was born with."""

    url: str
    line: Line
    github: FakeGitHub
    database: Database
    folder: Path
    ids: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
    if path is None:
        pytest.skip("No Chromium here: install Debian's package `chromium` to run these tests.")
    async with async_playwright() as playwright:
        try:
            running = await playwright.chromium.launch(executable_path=path, args=ARGS)
        except PlaywrightError as error:
            # A machine may have it and still lack what it needs: a library, memory, /dev/shm.
            pytest.skip(f"{path} does not start here: {error.message.splitlines()[0]}")
        yield running
        await running.close()


@pytest.fixture(scope="session")
async def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    name, folder = f"browser_{next(_names)}", tmp_path_factory.mktemp("site")
    with psycopg.connect(postgres.replace("/pipeline_guard?", "/postgres?"), autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name} TEMPLATE pipeline_guard")
    url = postgres.replace("/pipeline_guard?", f"/{name}?")
    with FakeGitHub() as github, stamina.set_testing(True, attempts=2, cap=True):
        values: dict[str, Any] = {
            "mode": "act",
            "api_token": TOKEN,
            "github_api_url": github.url,
            "github_token": github.token,
            "github_webhook_secret": github.secret,
        }
        async with running_line(url, folder, **values) as line:
            settings = Settings(_env_file=None, data_dir=folder, **values)
            context = line.context
            app = create_app(settings, context.database, context.platforms, context.queue)
            async with served(app) as address:
                made = Site(address, line, github, context.database, folder)
                await _fill(made)
                yield made


async def _fill(site: Site) -> None:
    await seed.month(site.database, failures_a_day=2, days=16)
    async with site.database.transaction() as session:
        await switches.turn(session, "github", "legacy/*", "token:oncall", off=True)
    site.ids["tiny"] = await seed.with_log(site.database, site.folder, 120, 80)
    site.ids["short"] = await seed.with_log(site.database, site.folder)
    site.ids["long"] = await seed.with_log(site.database, site.folder, 100_000, 73_210)


@pytest.fixture(scope="session")
async def cookies(browser: Browser, site: Site) -> Any:
    """What a browser holds that has signed in by the page."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(site.url)  # without a sign-in, every page leads to it
    await page.fill("input[name=token]", TOKEN)
    await page.press("input[name=token]", "Enter")
    await page.wait_for_url(f"{site.url}/")
    held = await context.storage_state()
    await context.close()
    return held


@pytest.fixture
async def signed_in(browser: Browser, cookies: Any) -> AsyncIterator[BrowserContext]:
    """A fresh browser that is signed in."""
    context = await browser.new_context(
        storage_state=cookies, viewport={"width": 1280, "height": 900}
    )
    yield context
    await context.close()


@pytest.fixture
async def page(signed_in: BrowserContext) -> AsyncIterator[Page]:
    """A page that must neither log an error nor break its own security policy."""
    opened = await signed_in.new_page()
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    opened.on("console", hear)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    assert complaints == []


async def shoot(page: Page, name: str) -> None:
    """Keep a screenshot for people to look at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SHOTS / f"{name}.png")
