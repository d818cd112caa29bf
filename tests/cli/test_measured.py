"""`rules list` with what the database knows, and `incidents`."""

import json
import os
import subprocess
import sys

import psycopg

from pipeline_guard.rules.load import builtin_rules

RULE = next(rule for rule in builtin_rules().rules if rule.category == "network_transient")


def run(database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {key: os.environ[key] for key in ("PATH", "PYTHONPATH") if key in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "pipeline_guard", *arguments],
        env=env | {"PIPELINE_GUARD_DATABASE_URL": database_url},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def add_failures(database_url: str, times: int) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO failures (platform, repository, workflow, run_id, run_attempt, job_id,"
            " job, category, confidence, source, rule, rule_version, transient, fingerprint,"
            " diagnosis, status, plan, next_passed) SELECT 'github', 'acme/shop', 'ci', n::text, 1,"
            " '1', 'test', 'network_transient', 0.9, 'rule', %s, %s, true, 'f', '{}', 'open',"
            ' \'{"steps": [], "refusals": []}\', false FROM generate_series(1, %s) n',
            (RULE.id, RULE.version, times),
        )


def test_rules_list_says_what_was_measured(database_url):
    add_failures(database_url, 12)
    listed = json.loads(run(database_url, "rules", "list", "--json").stdout)
    (item,) = [item for item in listed if "measured" in item]
    assert item["id"] == RULE.id
    assert item["measured"] == {"right": 0, "outcomes": 12, "precision": 0.1, "demoted": True}
    assert "0 of 12 right, demoted" in run(database_url, "rules", "list").stdout


def test_rules_list_does_without_a_database_that_is_away():
    found = run("postgresql://nobody@127.0.0.1:1/none", "rules", "list")
    assert found.returncode == 0
    assert "is not known" in found.stderr


def test_incidents_are_listed_and_shown(database_url):
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO incidents (platform, fingerprint, category, title, failures,"
            " repositories, probes) VALUES ('github', 'f', 'rate_limit', 'rate_limit: 429', 8,"
            ' \'["acme/shop"]\', \'[{"failure": 1, "repository": "acme/shop", "run_id": "5",'
            ' "attempt": 1, "at": "2026-11-21T10:00:00+00:00", "passed": false}]\')'
        )
    (item,) = json.loads(run(database_url, "incidents", "list", "--json").stdout)
    assert item["title"] == "rate_limit: 429"
    assert "run 5: failed again" in run(database_url, "incidents", "show", str(item["id"])).stdout
    assert run(database_url, "incidents", "show", "99").returncode == 1
