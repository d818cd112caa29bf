"""The audit grows and never changes."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pipeline_guard.store import audit


async def test_entries_are_filtered_and_paged_newest_first(session):
    for number in range(3):
        audit.record(session, "github:ann", "failure.ignored", f"failure:{number}", {"n": number})
    audit.record(session, audit.BOT, "rerun.done", "github:acme/shop", {"note": "a\0b\ud800"})
    await session.flush()
    assert [row.actor for row in await audit.page(session, limit=2)] == ["bot", "github:ann"]
    by_ann = await audit.page(session, actor="github:ann")
    assert [row.details["n"] for row in by_ann] == [2, 1, 0]
    assert [row.details["n"] for row in await audit.page(session, before=by_ann[0].id)] == [1, 0]
    assert len(await audit.page(session, subject="failure:1")) == 1
    assert len(await audit.page(session, action="rerun.done")) == 1


@pytest.mark.parametrize(
    "change", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"]
)
async def test_no_entry_is_changed_or_removed(session, change):
    audit.record(session, "github:ann", "failure.ignored", "failure:1", {})
    await session.flush()
    with pytest.raises(DBAPIError, match="append-only"):
        await session.execute(text(change))


async def test_an_export_reads_everything_in_parts(database, monkeypatch):
    monkeypatch.setattr(audit, "_PART", 2)
    async with database.transaction() as session:
        for number in range(5):
            audit.record(session, "bot", "rerun.done", f"failure:{number}", {})
    found = [entry.subject async for entry in audit.everything(database)]
    assert found == [f"failure:{number}" for number in range(5)]
