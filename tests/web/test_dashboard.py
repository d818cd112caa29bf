"""The dashboard's answers, as far as no browser is needed to judge them."""

import base64
import hashlib
import re
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.stages.decide.test_decide import diagnosis, run
from tests.web.browser import seed
from tests.web.conftest import TOKEN, client_of
from tests.web.test_webhooks import BODY, headers

from pipeline_guard.domain.diagnosis import EvidenceLine
from pipeline_guard.domain.plan import Plan, Step
from pipeline_guard.logs import keep
from pipeline_guard.logs.keep import keep_log
from pipeline_guard.remedies import REMEDIES
from pipeline_guard.store import failures, job_logs, labels
from pipeline_guard.store.tables import Audit, Delivery, Failure
from pipeline_guard.web.dashboard import page

STATIC = page.HERE / "static"


async def kept(
    database,
    source: Path,
    line: int = 3,
    part: str | None = None,
    evidence: tuple[EvidenceLine, ...] = (),
) -> int:
    """A failure with the log of that file."""
    a_run = run()
    found = diagnosis("test_failure", evidence=evidence or (EvidenceLine(line, "boom", part=part),))
    async with database.transaction() as session:
        number = await failures.add(session, a_run, a_run.jobs[0], found, Plan())
        await job_logs.add(session, number, keep_log(source))
    return number


@pytest.fixture
async def hostile(database, tmp_path) -> int:
    source = tmp_path / "job.log"
    source.write_bytes(b'one\n<script>alert(1)</script>\n"><img src=x>\n' + b"more\n" * 1_500)
    return await kept(database, source)


async def test_what_a_log_says_is_shown_never_run(client, hostile):
    for path in (f"/failures/{hostile}", f"/failures/{hostile}/log?first=1&last=9"):
        text = (await client.get(path)).text
        assert "&lt;script&gt;alert(1)" in text
        assert "<script>alert" not in text
        assert "<img" not in text
    answer = await client.get(f"/failures/{hostile}/log.txt")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_of_a_short_log_only_what_tells_is_lit(client, database, tmp_path):
    source = tmp_path / "job.log"
    source.write_text("".join(f"line {number}\n" for number in range(1, 13)))
    known = {8: "cmake-error"}
    found = tuple(
        EvidenceLine(number, f"line {number}", rule=known.get(number)) for number in range(1, 11)
    )
    text = (await client.get(f"/failures/{await kept(database, source, evidence=found)}")).text
    assert re.findall(r'class="l lit" id="L(\d+)"', text) == ["1", "2", "3", "8"]
    assert text.count('<li class="dim"><a href="#L') == 6


async def test_a_step_is_shown_with_its_risk_and_undo(client, database):
    a_run, steps = run(), (Step("rerun", {"scope": "failed_jobs"}, "why so"), Step("bless"))
    async with database.transaction() as session:
        number = await failures.add(session, a_run, a_run.jobs[0], diagnosis(), Plan(steps))
    text = (await client.get(f"/failures/{number}")).text
    rerun = REMEDIES["rerun"]
    assert "<small>re-run the failed jobs</small><br>why so" in text
    assert f"<dd>{rerun.risk}</dd><dt>Undo</dt><dd>{rerun.undo}</dd>" in text
    assert "<b>bless</b>" in text  # of a version with another remedy
    assert text.count("Risk and undo") == 1


async def test_what_a_plan_might_have_been_besides_is_told(client, database):
    plan = Plan(notes=("Not on another runner: it belongs to a request.",))
    async with database.transaction() as session:
        a_run = run()
        number = await failures.add(session, a_run, a_run.jobs[0], diagnosis("infra_runner"), plan)
    assert plan.notes[0] in (await client.get(f"/failures/{number}")).text


async def test_a_window_of_lines_is_no_larger_than_a_window(client, hostile):
    text = (await client.get(f"/failures/{hostile}/log?first=2&last=99999")).text
    numbers = [int(item) for item in re.findall(r'id="L(\d+)"', text)]
    assert numbers == list(range(2, 502))
    assert 'class="l lit" id="L3"' in text


async def test_a_search_finds_lines_and_forgets_case(client, hostile):
    text = (await client.get(f"/failures/{hostile}/find?q=ALERT")).text
    assert 'href="#L2"' in text
    assert "No line holds" in (await client.get(f"/failures/{hostile}/find?q=absent")).text


@pytest.mark.parametrize("path", ["log?first=1&last=5", "log.txt", "find?q=x"])
async def test_a_failure_without_a_log_says_so(client, database, path):
    a_run = run()
    async with database.transaction() as session:
        number = await failures.add(session, a_run, a_run.jobs[0], diagnosis(), Plan())
    assert (await client.get(f"/failures/{number}/{path}")).status_code == 404
    assert "No log is kept" in (await client.get(f"/failures/{number}")).text
    assert (await client.get(f"/failures/999/{path}")).status_code == 404


async def test_what_was_not_kept_is_a_gap_not_a_lie(client, database, tmp_path, monkeypatch):
    monkeypatch.setattr(keep, "HEAD_RAW", 300_000)
    monkeypatch.setattr(keep, "TAIL_RAW", 300_000)
    source = tmp_path / "job.log"
    source.write_bytes(b"".join(b"line %07d of many\n" % n for n in range(1, 100_001)))
    number = await kept(database, source)
    text = (await client.get(f"/failures/{number}")).text
    (told,) = re.findall(r"([\d,]+) lines were not kept", text)
    assert 50_000 < int(told.replace(",", "")) < 90_000
    middle = await client.get(f"/failures/{number}/log?first=50000&last=50010")
    assert middle.text.strip() == ""


async def test_each_file_of_a_log_has_anchors_of_its_own(client, database, tmp_path):
    source = tmp_path / "logs.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("build/1_Set up.txt", "a\nb\n")
        archive.writestr("build/2_Test.txt", "c\nd\n")
    number = await kept(database, source, line=2, part="build/2_Test.txt")
    text = (await client.get(f"/failures/{number}/log?part=1&first=1&last=9")).text
    assert 'class="l" id="P1L1"' in text
    assert 'class="l lit" id="P1L2"' in text
    shown = (await client.get(f"/failures/{number}")).text
    assert 'href="#P1L2">2</a>' in shown
    assert 'class="l lit" id="P1L2"' in shown
    assert (await client.get(f"/failures/{number}/log?part=7&first=1&last=9")).text.strip() == ""


@pytest.fixture
async def browsing(app):
    async with client_of(app, "http://127.0.0.1") as opened:
        answer = await opened.post("/login", data={"token": TOKEN})
        assert answer.status_code == 303
        yield opened


async def test_forms_without_their_token_change_nothing(browsing, database, hostile):
    client = browsing
    for wish in ("retry", "ignore", "wrong", "replay"):
        assert (await client.post(f"/failures/{hostile}/{wish}")).status_code == 403
    async with database.transaction() as session:
        assert (await failures.get(session, hostile)).status == "open"
    shown = (await client.get(f"/failures/{hostile}")).text
    field = re.search(r'name="csrf_token" value="(\w+)"', shown)[1]
    answer = await client.post(f"/failures/{hostile}/ignore", data={"csrf_token": field})
    assert answer.status_code == 303
    async with database.transaction() as session:
        assert (await failures.get(session, hostile)).status == "ignored"


async def test_a_label_of_no_category_is_refused(client, database, hostile):
    answer = await client.post(
        f"/failures/{hostile}/wrong", data={"category": "nonsense"}, headers={"hx-request": "true"}
    )
    assert "The categories are" in answer.text
    async with database.transaction() as session:
        assert await labels.newest(session) == []


async def test_a_delivery_is_shown_with_its_secrets_masked_and_replayed(client, database):
    secret = "ghp_" + "a1B2" * 9
    body = BODY.replace(b'"ann"', f'"{secret}"'.encode())
    body = body.replace(b'"id": 7', f'"id": 7, "head_branch": "fix-{secret}"'.encode())
    number = (await client.post("/webhooks/github", content=body, headers=headers(body))).json()[
        "delivery"
    ]
    assert "workflow_run" in (await client.get("/deliveries?platform=github")).text
    text = (await client.get(f"/deliveries/{number}")).text
    assert "acme/shop" in text
    assert secret not in text
    event = (await client.get(f"/api/v1/deliveries/{number}")).json()["event"]
    assert (event["repository"], event["hints"]["branch"]) == ("acme/shop", "fix-[redacted]")
    assert secret not in (await client.get("/api/v1/deliveries")).text
    answer = await client.post(f"/deliveries/{number}/replay")
    assert answer.headers["location"] == f"/deliveries/{number}"
    async with database.transaction() as session:
        assert (await session.get(Delivery, number)).status == "accepted"
        told = (await session.scalars(select(Audit))).one()
    assert (told.actor, told.action) == ("token:API_TOKEN", "delivery.replayed")


async def test_every_value_of_the_policy_has_an_origin(client):
    text = (await client.get("/settings?repository=acme/shop")).text
    assert "for acme/shop" in text
    assert "max_reruns" in text
    assert "built in" in text


async def test_insights_of_nothing_and_of_a_month(client, database):
    assert "Nothing to tell yet" in (await client.get("/insights")).text
    await seed.month(database, failures_a_day=2, days=10)
    for by in ("category", "repository", "rule", "platform"):
        answer = await client.get(f"/insights?days=7&by={by}")
        assert f"Healing by {by}" in answer.text
        table = (await client.get(f"/insights/healing.csv?by={by}")).text
        assert table.startswith(f"{by},failures,healed")
    assert len((await client.get("/insights/daily.csv?days=30")).text.splitlines()) == 31
    assert (await client.get("/insights?days=8")).status_code == 422
    assert (await client.get("/insights?days=x")).status_code == 422


async def test_money_is_shown_only_where_the_policy_sets_prices(client, database):
    await seed.month(database, failures_a_day=2, days=3)
    text = (await client.get("/insights?by=platform")).text
    assert "In the currency of the policy" in text
    assert "/insights/money.csv?days=30&amp;by=platform" in text
    assert "Money on re-runs" in text
    head, *rows = (await client.get("/insights/money.csv?by=platform")).text.splitlines()
    assert head == "platform,reruns,spent,in_vain,not_spent,saved"
    reruns, spent, saved = (sum(float(row.split(",")[at] or 0) for row in rows) for at in (1, 2, 5))
    assert 0.008 * reruns < spent < 0.008 * 25 * reruns  # the seed's jobs take 1 to 25 minutes
    assert saved % 30 == 0  # half an hour of a person, at 60 an hour
    days = (await client.get("/insights/daily.csv")).text.splitlines()
    assert days[0].endswith(",money_healed,money_in_vain")
    async with database.transaction() as session:
        for row in await session.scalars(select(Failure)):
            policy = row.plan["policy"]
            values = policy["values"] | {"prices": {}}
            row.plan = row.plan | {"policy": policy | {"values": values}}
    text = (await client.get("/insights")).text
    assert "No money is counted" in text
    assert "Money on re-runs" not in text
    assert (await client.get("/insights/money.csv")).text.count("\n") == 1
    assert "money" not in (await client.get("/insights/daily.csv")).text


def test_files_of_others_are_those_that_were_taken():
    base = (page.HERE / "templates/base.html").read_text()
    digest = hashlib.sha384((STATIC / "vendor/htmx.min.js").read_bytes()).digest()
    integrity = f"sha384-{base64.b64encode(digest).decode()}"
    assert integrity in base
    assert integrity in (STATIC / "vendor/README.md").read_text()


@pytest.mark.parametrize("template", sorted((page.HERE / "templates").glob("*.html")))
def test_no_template_breaks_the_content_policy(template):
    text = template.read_text()
    assert not re.search(r'\sstyle="|\son\w+="|<script>|<style|hx-on|javascript:', text)
    assert not re.search(r"\|\s*safe\b", text)
