"""`deliveries recover` and `deliveries replay --failed`, against a database and a fake GitHub."""

import json
from collections.abc import Callable

import psycopg
import pytest
from tests.fakes.github.deliveries import ago
from typer.testing import CliRunner, Result

from pipeline_guard.cli import build
from pipeline_guard.store.sweeps import SWEEP_LOCK

Call = Callable[..., Result]


@pytest.fixture
def call(github, database_url, monkeypatch, tmp_path) -> Call:
    for name, value in (
        ("DATABASE_URL", database_url),
        ("DATA_DIR", str(tmp_path)),
        ("GITHUB_API_URL", github.url),
        ("GITHUB_TOKEN", github.token),
        ("GITHUB_WEBHOOK_SECRET", github.secret),
    ):
        monkeypatch.setenv(f"PIPELINE_GUARD_{name}", value)
    return lambda *arguments: CliRunner().invoke(build(), ["deliveries", *arguments])


def store(url: str, run_id: int, status: str) -> None:
    event = {"kind": "run_finished", "platform": "github", "repository": "acme/shop"}
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO deliveries"
            " (platform, delivery_id, event_name, event, body, status, received_at)"
            " VALUES ('github', %s, 'workflow_run', %s, '', %s, now() - interval '2 days')",
            (f"d{run_id}", json.dumps(event | {"run_id": str(run_id)}), status),
        )


def jobs(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT lock FROM procrastinate_jobs ORDER BY lock").fetchall()
    return [row[0] for row in rows]


def test_recover_prints_what_it_found_and_queues_it(github, call, database_url):
    store(database_url, 1, "processed")
    run = github.add_run()
    run.created_at = run.updated_at = ago(minutes=10)
    dry = call("recover", "--dry-run", "--json")
    assert dry.exit_code == 0, dry.output
    told = json.loads(dry.stdout)
    assert (told["dry_run"], told["runs"][0]["event"]["run_id"]) == (True, str(run.id))
    assert jobs(database_url) == []
    done = call("recover")
    assert done.exit_code == 0
    assert "ended red, no webhook" in done.stdout
    assert str(run.id) in done.stdout
    assert jobs(database_url) == [f"github:acme/shop:{run.id}"]
    assert "0 missed" in call("recover").stdout


def test_recover_steps_back_while_another_sweep_is_under_way(call, database_url):
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (SWEEP_LOCK,))
        found = call("recover")
    assert found.exit_code == 1
    assert "under way" in found.stderr


def test_all_that_was_given_up_is_replayed_at_once(call, database_url):
    for run_id, status in ((1, "failed"), (2, "processed"), (3, "failed")):
        store(database_url, run_id, status)
    found = call("replay", "--failed")
    assert found.exit_code == 0
    assert found.stdout.startswith("2 failed deliveries are queued again")
    assert jobs(database_url) == ["github:acme/shop:1", "github:acme/shop:3"]
    assert call("replay", "--failed").stdout.startswith("0 failed")


def test_replay_wants_one_delivery_or_all_failed_ones(call, database_url):
    store(database_url, 1, "processed")
    assert call("replay").exit_code == 2
    assert call("replay", "1", "--failed").exit_code == 2
    assert call("replay", "1").stdout.startswith("Delivery 1 is queued again")
    assert call("replay", "99").exit_code == 1


def test_who_replayed_is_listed_and_exported(call, database_url):
    store(database_url, 1, "processed")
    call("replay", "1")
    audit = CliRunner().invoke(build(), ["audit", "list", "--json"])
    (entry,) = json.loads(audit.stdout)
    assert entry["actor"].startswith("cli:")
    assert (entry["action"], entry["subject"]) == ("delivery.replayed", "delivery:1")
    exported = CliRunner().invoke(build(), ["audit", "export", "--format", "csv"])
    assert exported.stdout.startswith("id,at,actor")
    assert "delivery.replayed" in exported.stdout
