"""`tokens`: made, shown once, listed without what they are, revoked."""

import json

import psycopg
import pytest
from typer.testing import CliRunner

from pipeline_guard.cli import build


@pytest.fixture
def call(database_url, monkeypatch, tmp_path):
    monkeypatch.setenv("PIPELINE_GUARD_DATABASE_URL", database_url)
    monkeypatch.setenv("PIPELINE_GUARD_DATA_DIR", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(build(), ["tokens", *arguments])


def test_from_making_to_revoking(call, database_url):
    made = json.loads(call("create", "grafana", "--json").stdout)
    assert made["token"].startswith("pguard_")
    assert made["scope"] == "read"
    again = call("create", "grafana")
    assert again.exit_code == 1
    assert "already" in again.stderr
    listed = call("list", "--json").stdout
    assert made["token"] not in listed
    assert json.loads(listed)[0]["name"] == "grafana"
    assert "grafana" in call("list").stdout
    revoked = call("revoke", "grafana", "--json")
    assert json.loads(revoked.stdout) == {"name": "grafana", "revoked": True}
    assert call("revoke", "grafana").exit_code == 1
    assert call("create", "grafana", "--scope", "act").stdout.startswith("pguard_")
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT action, subject FROM audit ORDER BY id").fetchall()
        kept = connection.execute("SELECT tokens::text FROM tokens").fetchall()
    assert rows == [
        (f"token.{what}", "token:grafana") for what in ("created", "revoked", "created")
    ]
    assert made["token"] not in str(kept)


@pytest.mark.parametrize("arguments", [("x", "--scope", "root"), (" ",), ("a\nb",)])
def test_nonsense_is_refused_with_a_sentence(call, arguments):
    assert call("create", *arguments).exit_code == 2
