"""The audit as people and scripts get it."""

import csv
import io
import json

import pytest

from pipeline_guard.store import audit


@pytest.fixture
async def entries(database) -> None:
    async with database.transaction() as session:
        audit.record(session, "github:ann", "command.done", "github:acme/shop", {"command": "off"})
        audit.record(session, "bot", "rerun.done", "=HYPERLINK(1)", {"a": "b,c"})


async def test_it_is_listed_and_filtered(client, entries):
    items = (await client.get("/api/v1/audit")).json()["items"]
    assert [item["actor"] for item in items] == ["bot", "github:ann"]
    items = (await client.get("/api/v1/audit", params={"actor": "github:ann"})).json()["items"]
    assert [item["details"] for item in items] == [{"command": "off"}]


async def test_it_is_exported_as_json_lines(client, entries):
    answer = await client.get("/api/v1/audit/export")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["action"] for line in lines] == ["command.done", "rerun.done"]
    later = await client.get("/api/v1/audit/export", params={"since": "2999-01-01T00:00:00Z"})
    assert later.text == ""


async def test_a_spreadsheet_calculates_nothing_of_the_csv(client, entries):
    answer = await client.get("/api/v1/audit/export", params={"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["subject"] for row in rows] == ["github:acme/shop", "'=HYPERLINK(1)"]
    assert json.loads(rows[1]["details"]) == {"a": "b,c"}


async def test_a_replay_is_on_record(client, database):
    assert (await client.get("/api/v1/audit")).json()["items"] == []
    assert (await client.post("/api/v1/deliveries/1/replay")).status_code == 404
    assert (await client.get("/api/v1/audit")).json()["items"] == []
