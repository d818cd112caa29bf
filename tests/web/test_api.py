"""What people and scripts see: access, pages, health."""

import pytest
from tests.stages.decide.test_decide import diagnosis, run

from pipeline_guard.domain.diagnosis import EvidenceLine
from pipeline_guard.domain.plan import Plan, Refusal
from pipeline_guard.store import failures


@pytest.fixture
async def failure_id(database) -> int:
    a_run = run()
    found = diagnosis("test_failure", evidence=(EvidenceLine(3, "<b>boom</b>"),), rule="r")
    plan = Plan((), (Refusal("transient", "A re-run would not help."),), "open")
    async with database.transaction() as session:
        return await failures.add(session, a_run, a_run.jobs[0], found, plan)


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/failures", "/api/v1/deliveries", "/api/v1/stats", "/failures/1"]
)
async def test_nothing_is_readable_without_the_token(client, path):
    for shown in ("", "Bearer wrong", "Basic !!!", "Basic Og=="):
        answer = await client.get(path, headers={"authorization": shown})
        assert answer.status_code == 401
        assert "www-authenticate" in answer.headers


async def test_a_browser_may_show_the_token_as_a_password(client):
    answer = await client.get("/", auth=("anybody", "api-token-of-the-test"))
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"])
async def test_health_and_docs_are_open(client, path):
    assert (await client.get(path, headers={"authorization": ""})).status_code == 200


async def test_a_failure_is_listed_and_shown_whole(client, failure_id):
    (item,) = (await client.get("/api/v1/failures")).json()["items"]
    one = (await client.get(f"/api/v1/failures/{failure_id}")).json()
    assert item == one
    assert one["evidence"] == [{"line": 3, "text": "<b>boom</b>", "part": None}]
    assert one["plan"]["refusals"][0]["guard"] == "transient"
    promised = "platform repository run_id run_attempt job branch commit category confidence"
    promised += " transient evidence fingerprint status plan actions"
    assert set(promised.split()) <= set(one)


async def test_filters_and_cursor(client, failure_id, database):
    async with database.transaction() as session:
        other = run(repository="acme/other")
        await failures.add(session, other, other.jobs[0], diagnosis(), Plan((), (), "healing"))
    get = client.get
    assert len((await get("/api/v1/failures", params={"status": "open"})).json()["items"]) == 1
    assert len((await get("/api/v1/failures?repository=acme/other")).json()["items"]) == 1
    assert (await get("/api/v1/failures?category=crash")).json()["items"] == []
    first = (await get("/api/v1/failures?limit=1")).json()
    rest = (await get(f"/api/v1/failures?limit=1&cursor={first['next']}")).json()
    assert first["items"][0]["id"] > rest["items"][0]["id"]


@pytest.mark.parametrize("number", ["0", "-1", "999999", "9" * 30, "x"])
async def test_what_is_not_there_is_a_404_or_422_never_a_500(client, number):
    for path in (
        f"/api/v1/failures/{number}",
        f"/api/v1/deliveries/{number}",
        f"/failures/{number}",
    ):
        assert (await client.get(path)).status_code in (404, 422)
    assert (await client.post(f"/api/v1/deliveries/{number}/replay")).status_code in (404, 422)
    assert (await client.get("/api/v1/failures?status=%00")).status_code in (200, 422)


async def test_the_pages_escape_what_logs_say_and_forbid_script(client, failure_id):
    for path in ("/", f"/failures/{failure_id}"):
        answer = await client.get(path)
        assert "&lt;b&gt;boom" in answer.text
        assert "<b>boom" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_metrics_tell_what_history_holds(client, failure_id):
    text = (await client.get("/metrics")).text
    assert 'pipeline_guard_failures{category="test_failure"' in text
