"""A running worker deletes what is past its limit, by itself."""

import asyncio
import time

import psycopg
from tests.line.harness import PATIENCE, running_line

from pipeline_guard import worker

OLD = (
    "INSERT INTO deliveries (platform, delivery_id, event_name, event, body, status, received_at)"
    " VALUES ('github', 'old', 'push', '{}', '', 'processed', now() - interval '9 days')"
)


async def test_an_old_delivery_goes_and_is_counted(database_url, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "FIRST_PRUNE_SECONDS", 0.0)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as db:
        await db.execute(OLD)
        async with running_line(database_url, tmp_path, keep_deliveries_days=8) as line:
            deadline = time.monotonic() + PATIENCE
            metrics = ""
            while 'pruned_rows{table="deliveries"} 1' not in metrics:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
                metrics = (await line.client.get("/metrics")).text
        assert await (await db.execute("SELECT FROM deliveries")).fetchone() is None
