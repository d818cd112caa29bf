"""A failure: reading its log however long, and saying what is to be done about it."""

import time

from playwright.async_api import Page, expect
from sqlalchemy import select
from tests.web.browser import seed
from tests.web.browser.conftest import Site, shoot

from pipeline_guard.store import failures
from pipeline_guard.store.tables import Audit


async def test_the_failing_lines_are_lit_and_the_other_steps_folded(page: Page, site: Site):
    await page.goto(f"{site.url}/failures/{site.ids['short']}")
    steps = page.locator("details.step")
    assert await steps.locator("summary b").all_text_contents() == [
        "Set up job", "Output", "Run make test", "Run upload"
    ]  # fmt: skip
    assert [await steps.nth(i).get_attribute("open") is not None for i in range(4)] == [
        False, False, True, False
    ]  # fmt: skip
    await page.click("#evidence-next")
    await expect(page.locator("#L812")).to_be_in_viewport()
    assert "test_rounding" in await page.locator("#L812.lit span").text_content()
    await steps.nth(3).locator("summary").click()
    await expect(page.locator("#L1971 span")).to_have_text("##[group]Run upload")


async def test_a_hundred_thousand_lines_do_not_freeze_the_page(page: Page, site: Site):
    started = time.monotonic()
    await page.goto(f"{site.url}/failures/{site.ids['long']}#L99500")
    await expect(page.locator("#L99500.aim")).to_be_in_viewport()
    took = time.monotonic() - started
    assert took < 5, f"{took:.1f} s until a line near the end was seen"
    await shoot(page, "log-permalink")
    # A flick through the whole log: every frame in time, and what is far away given up.
    slowest = await page.evaluate(
        """async () => {
            let slowest = 0, last = performance.now();
            const step = document.documentElement.scrollHeight / 40;
            for (let i = 0; i <= 40; i += 1) {
                scrollTo(0, i * step);
                await new Promise(requestAnimationFrame);
                slowest = Math.max(slowest, performance.now() - last);
                last = performance.now();
            }
            return slowest;
        }"""
    )
    assert slowest < 1_000, f"the page stood still for {slowest:.0f} ms"
    await page.wait_for_load_state("networkidle")
    assert await page.locator(".l").count() < 13_000


async def test_a_line_is_found_by_its_text(page: Page, site: Site):
    await page.goto(f"{site.url}/failures/{site.ids['long']}")
    await page.fill("input[name=q]", "MODULE 054321")
    await page.click("#found a")
    await expect(page.locator("#L54322.aim")).to_be_in_viewport()


async def test_a_person_ignores_a_failure_after_a_second_thought(page: Page, site: Site):
    number = await seed.with_log(site.database, site.folder, 500, 99)
    await page.goto(f"{site.url}/failures/{number}")
    await page.click("#buttons >> text=Ignore")
    await shoot(page, "confirm")
    await page.click("dialog >> text=Cancel")
    await page.focus("#buttons button:has-text('Ignore')")
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog[open] h2")).to_have_text("Ignore this failure?")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#answer")).to_have_text("Ignored.")
    await expect(page.locator("#state .state")).to_have_text("ignored")
    async with site.database.transaction() as session:
        row = await failures.get(session, number)
        told = (
            await session.scalars(select(Audit).where(Audit.subject == f"failure:{number}"))
        ).all()
    assert row.status == "ignored"
    assert [(item.actor, item.action) for item in told] == [("token:API_TOKEN", "failure.ignore")]


async def test_a_person_says_what_the_cause_really_is(page: Page, site: Site):
    number = site.ids["short"]
    await page.goto(f"{site.url}/failures/{number}")
    await page.click("text=Wrong cause")
    await page.select_option("details.menu select", "flaky_test")
    await page.click("text=Note it")
    await page.click("dialog [value=yes]")
    await expect(page.locator("#answer")).to_contain_text("is flaky_test")
    async with site.database.transaction() as session:
        row = await failures.get(session, number)
    assert [(item.category, item.author) for item in row.labels] == [
        ("flaky_test", "token:API_TOKEN")
    ]


async def test_a_person_asks_for_a_re_run_and_the_platform_hears_of_it(page: Page, site: Site):
    red = "FAILED tests/test_sum.py::test_sum - assert 3 == 4\n=== 1 failed in 0.20s ===\n"
    run = site.github.add_run("acme/asked", log=red, jobs={"asked tests": "failure"})
    await site.line.post("github", *site.github.webhook("workflow_run", run))
    await site.line.settle()
    async with site.database.transaction() as session:
        (row,) = await failures.page(session, repository="acme/asked")
    await page.goto(f"{site.url}/failures/{row.id}")
    await expect(page.locator("#state .state")).to_have_text("needs a person")
    await page.click("#buttons >> text=Retry")
    await page.click("dialog [value=yes]")
    await expect(page.locator("#answer")).to_contain_text("is being re-run")
    await site.line.settle()
    assert [call.path for call in site.github.calls("POST", "/rerun")][-1].startswith(
        "/repos/acme/asked/"
    )
