"""Now moves by itself: a webhook comes in, and the page shows it without being loaded again."""

from playwright.async_api import Page, expect
from tests.web.browser.conftest import Site, shoot

LOG = "##[group]Run make\ncurl: (6) Could not resolve host: mirror.example\n##[error]exit code 6\n"


async def test_a_failure_appears_and_is_healed_before_the_eyes(page: Page, site: Site):
    await page.goto(site.url)
    await expect(page.locator("#live")).to_have_attribute("data-state", "on")
    await page.evaluate("window.stayed = true")

    run = site.github.add_run("acme/live", log=LOG, jobs={"live tests": "failure"})
    await site.line.post("github", *site.github.webhook("workflow_run", run))
    row = page.locator("tbody tr", has_text="live tests")
    await expect(row.locator(".state")).to_have_text("being re-run", timeout=10_000)
    await shoot(page, "now-live")

    site.github.finish_run(run)
    await site.line.post("github", *site.github.webhook("workflow_run", run))
    await expect(row.locator(".state")).to_have_text("healed", timeout=10_000)
    await expect(page.locator("#said")).to_contain_text("changed")
    assert await page.evaluate("window.stayed"), "the page was loaded again"


async def test_it_can_be_paused(page: Page, site: Site):
    await page.goto(site.url)
    await expect(page.locator("#live")).to_have_attribute("data-state", "on")
    await page.click("#live")
    run = site.github.add_run("acme/paused", log=LOG, jobs={"paused tests": "failure"})
    await site.line.post("github", *site.github.webhook("workflow_run", run))
    await site.line.settle()
    row = page.locator("tbody tr", has_text="paused tests")
    await expect(row).to_have_count(0)
    await page.click("#live")
    await expect(row).to_have_count(1)
