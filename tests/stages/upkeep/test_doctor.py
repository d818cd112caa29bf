"""Doctor: one finding a thing, wrong only where something must be mended, each with its fix."""

import re
from datetime import UTC, datetime, timedelta

import psycopg
from tests.fakes.github.deliveries import add_hook

from pipeline_guard.settings import Settings
from pipeline_guard.stages import assemble
from pipeline_guard.stages.upkeep import doctor
from pipeline_guard.stages.upkeep.doctor import age, clock

pytest_plugins = ["tests.redis_server"]


def settings(tmp_path, **values) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, **values)


async def told(chosen: Settings, database) -> dict[str, tuple[str, str, str]]:
    platforms = assemble.connect_platforms(chosen)
    try:
        found = await doctor.examine(chosen, database, platforms)
    finally:
        await platforms.aclose()
    return {item.name: (item.state, item.text, item.fix) for item in found}


async def test_a_fresh_installation_has_nothing_wrong(database, tmp_path):
    found = await told(settings(tmp_path), database)
    assert {name for name, item in found.items() if item[0] == "wrong"} == set()
    assert {"policy", "rules", "model", "disk", "database", "schema", "queue"} <= set(found)
    assert found["database"][1].startswith("PostgreSQL 1")
    assert found["github"][0] == "off"
    assert found["queue"][0] == "note", "no worker is running"


async def test_redis_is_asked_only_where_it_is_set_and_without_it_work_goes_on(
    database, tmp_path, redis_server
):
    assert "redis" not in await told(settings(tmp_path), database)
    chosen = settings(tmp_path, redis_url=redis_server.url)
    state, text, _ = (await told(chosen, database))["redis"]
    assert state == "ok"
    assert re.fullmatch(r"(Redis|Valkey) [\d.]+ at /\S+/redis\.sock answers in \d+ ms\.", text)
    redis_server.kill()
    state, text, fix = (await told(chosen, database))["redis"]
    assert state == "wrong"
    assert "does not serve us" in text
    assert "Work goes on without it" in text
    assert "PIPELINE_GUARD_REDIS_URL" in fix


async def test_jobs_that_wait_without_a_worker_are_wrong(database, database_url, tmp_path):
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('line', 'act', 0, NULL, NULL, '{}',"
            " now() - interval '20 minutes')::procrastinate_job_to_defer_v1])"
        )
    state, text, fix = (await told(settings(tmp_path), database))["queue"]
    assert (state, fix) == ("wrong", "Start one: pipeline-guard worker")
    assert "Jobs due: 1; live workers: 0; the oldest job has waited 20 minutes" in text


async def test_deliveries_that_were_given_up_and_an_old_schema_are_noted(
    database, database_url, tmp_path
):
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO deliveries (platform, delivery_id, event_name, event, body, status)"
            " VALUES ('github', '1', 'workflow_run', '{}', '', 'failed')"
        )
        connection.execute("UPDATE alembic_version SET version_num = 'another'")
    found = await told(settings(tmp_path), database)
    assert found["deliveries"][0] == "note"
    assert "replay --failed" in found["deliveries"][2]
    assert (found["schema"][0], "another" in found["schema"][1]) == ("note", True)


async def test_files_that_are_wrong_are_findings_too(database, tmp_path):
    (tmp_path / "guard.yaml").write_text("mode: boost\n")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yaml").write_text("rules: [{id: x}]\n")
    chosen = settings(tmp_path, config=tmp_path / "guard.yaml", rules=tmp_path / "rules")
    found = await told(chosen, database)
    assert found["policy"][0] == found["rules"][0] == "wrong"
    assert "guard.yaml:1" in found["policy"][1]
    assert "own.yaml:1" in found["rules"][1]
    assert "pipeline-guard rules check" in found["rules"][2]


async def test_an_address_that_nobody_answers_is_wrong(database, tmp_path):
    found = await told(settings(tmp_path, public_url="http://127.0.0.1:9"), database)
    assert found["address"][0] == "wrong"


async def test_a_platform_is_looked_at_with_the_repositories_heard_of(
    database, database_url, tmp_path, github
):
    github.add_repo()
    number = int(add_hook(github, "acme/shop").rpartition("/")[2])
    github.world.hook_settings[number] = {"active": False}
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO deliveries (platform, delivery_id, event_name, event, body) VALUES"
            """ ('github', '1', 'workflow_run', '{"repository": "acme/shop"}', '')"""
        )
    chosen = settings(
        tmp_path, github_api_url=github.url, github_token=github.token, github_webhook_secret="s"
    )
    found = await told(chosen, database)
    assert found["github"][0] == found["github clock"][0] == found["github acme/shop"][0] == "ok"
    assert found["github hook acme/shop"][0] == "wrong"
    assert "seconds ago" in found["github deliveries"][1]


def test_clocks_are_compared_both_ways():
    now = datetime.now(UTC)
    assert clock("c", now - timedelta(seconds=9), now).state == "ok"
    assert "10 minutes ahead" in clock("c", now - timedelta(minutes=10), now).text
    assert "10 minutes behind" in clock("c", now + timedelta(minutes=10), now).text
    assert "timedatectl" in clock("c", now + timedelta(hours=1), now).fix


def test_a_span_is_told_in_the_unit_that_fits():
    spans = {45: "45 seconds", 150: "2 minutes", 9000: "2 hours", 400000: "5 days"}
    assert {seconds: age(timedelta(seconds=seconds)) for seconds in spans} == spans
