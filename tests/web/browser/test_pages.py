"""Every page in both themes: no error, nothing that shuts people out, nothing that falls over."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from tests.web.browser.conftest import Site, shoot

RULE = """
rules:
  - id: our-pay-button
    category: infra_runner
    patterns: {any: ["element #pay did not appear"]}
    tests: {match: ["Timeout: element #pay did not appear within 5000 ms"]}
"""
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
PAGES = {
    "now": "/",
    "failure": "/failures/{tiny}",
    "insights": "/insights",
    "rules": "/rules?q=net",
    "deliveries": "/deliveries",
    "settings": "/settings",
}


@pytest.mark.parametrize("name", PAGES)
async def test_each_page_is_open_to_everybody_in_both_themes_and_on_a_telephone(
    page: Page, site: Site, name: str
):
    answer = await page.goto(site.url + PAGES[name].format(**site.ids))
    assert answer.status == 200
    await shoot(page, f"{name}-light")
    assert await serious(page, WCAG) == []
    await page.emulate_media(color_scheme="dark")
    await shoot(page, f"{name}-dark")
    # Of all that axe looks at, only colours differ by theme.
    assert await serious(page, {"runOnly": ["color-contrast"]}) == []
    await page.set_viewport_size({"width": 390, "height": 844})
    await shoot(page, f"{name}-telephone")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def serious(page: Page, options: dict[str, object]) -> list[tuple[str, str]]:
    """What axe finds that shuts somebody out: (rule, element)."""
    found = await Axe().run(page, options=options)
    return [
        (item["id"], node["html"][:200])
        for item in found.response["violations"]
        if item["impact"] in ("serious", "critical")
        for node in item["nodes"][:3]
    ]


async def test_the_theme_is_a_button_away_and_stays(page: Page, site: Site):
    await page.emulate_media(color_scheme="light")
    await page.goto(site.url)
    light = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    await page.click("#theme")
    await page.goto(f"{site.url}/insights")
    dark = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    assert await page.evaluate("document.documentElement.dataset.theme") == "dark"


async def test_everything_is_reached_by_keyboard(page: Page, site: Site):
    await page.goto(site.url)
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to content"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    rows = page.locator("[data-row]")
    await rows.first.focus()
    await page.keyboard.press("ArrowDown")
    assert await rows.nth(1).evaluate("row => row === document.activeElement")
    outline = await rows.nth(1).evaluate("row => getComputedStyle(row).outlineStyle")
    assert outline == "solid"
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/failures/*")


async def test_insights_are_drawn_with_their_numbers_beside_them(page: Page, site: Site):
    await page.goto(f"{site.url}/insights?by=repository")
    assert await page.locator("svg.chart rect").count() > 30
    await page.click("text=90 days")
    await page.wait_for_url("**days=90&by=repository")
    assert await page.locator("#healing").text_content() == "Healing by repository"
    async with page.expect_download() as kept:
        await page.click("a[href^='/insights/healing.csv']")
    text = (await (await kept.value).path()).read_text()
    assert text.startswith("repository,failures,healed,failed_again")
    assert "acme/shop" in text


async def test_a_filter_narrows_the_list_without_a_reload(page: Page, site: Site):
    await page.goto(site.url)
    await page.evaluate("window.stayed = true")
    await page.select_option("select[name=category]", "rate_limit")
    await page.wait_for_url("**category=rate_limit*")
    assert set(await page.locator(".cat").all_text_contents()) == {"Rate limit"}
    assert await page.evaluate("window.stayed")


async def test_a_pasted_log_is_judged_on_the_spot(page: Page, site: Site):
    await page.goto(f"{site.url}/rules")
    await page.click("#tester summary")
    await page.fill("#log-text", "curl: (6) Could not resolve host: mirror.example\n")
    await page.click("text=Judge it")
    await page.wait_for_selector("#tried h2")
    assert "Network trouble" in await page.locator("#tried h2").text_content()
    await page.fill("#log-text", "")
    await page.fill("input[name=failure]", str(site.ids["short"]))
    await page.click("text=Judge it")
    await page.wait_for_selector("#tried code:has-text('test_rounding')")


async def test_rules_are_held_against_the_past_before_they_are_switched_on(page: Page, site: Site):
    await page.goto(f"{site.url}/rules")
    await page.click("#backtest summary")
    await page.fill("#rules-text", "rules: [{id: x}]")
    await page.click("text=Compare")
    await page.wait_for_selector("#tested .answer")
    assert "your rules:1:" in await page.locator("#tested .answer").text_content()
    await page.fill("#rules-text", RULE)
    await page.select_option("select[name=days]", "30")
    await page.click("text=Compare")
    await page.wait_for_selector("#tested h2")
    assert "would be judged" in await page.locator("#tested h2").text_content()
    assert "our-pay-button" in await page.locator("#tested").text_content()
    await shoot(page, "backtest")


async def test_the_service_tells_how_it_is(page: Page, site: Site):
    await page.goto(f"{site.url}/settings")
    await page.wait_for_selector(".checks li")
    told = await page.locator(".checks").text_content()
    assert "PostgreSQL" in told
    assert "buildbot" in told
    await shoot(page, "settings-checks")


async def test_healing_is_switched_off_and_on_again(page: Page, site: Site):
    await page.goto(f"{site.url}/settings")
    await page.select_option("#switches select[name=platform]", "gitlab")
    await page.fill("#switches input[name=repository]:visible", "acme/old")
    await page.click("#switches .filters button")
    await shoot(page, "switch-off")
    await page.click("dialog[open] button >> text=Switch off")
    row = page.locator("#switches tr:has-text('acme/old')")
    await expect(row.locator(".state")).to_have_text("off")
    await page.goto(site.url)
    await expect(page.locator("#incidents [role=status]")).to_contain_text("acme/old")
    await page.goto(f"{site.url}/settings#switches")
    await row.locator("button").click()
    await page.click("dialog[open] button >> text=Switch on")
    await expect(row.locator(".state")).to_have_text("on")
