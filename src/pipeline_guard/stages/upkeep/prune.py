"""Prune: now and then, one worker of all deletes what is older than its limit."""

from datetime import UTC, datetime, timedelta

from pipeline_guard.store import audit, retention, sweeps
from pipeline_guard.store.retention import Keep
from pipeline_guard.store.session import Database


async def prune(
    database: Database, keep: Keep, *, every: timedelta = timedelta(0), actor: str = audit.BOT
) -> dict[str, int] | None:
    """Delete what is overdue, a batch a transaction; returns how many rows of each table.

    None when the last round, here or on another machine, began less than `every` ago. Raises
    StoreUnavailable when the database is away; what was deleted until then stays deleted.
    """
    async with database.transaction() as session:
        if not await sweeps.take_turn(session, every, sweeps.PRUNE):
            return None
    now = datetime.now(UTC)
    deleted = {table: await _empty(database, table, keep, now) for table in retention.RULES}
    if any(deleted.values()):
        async with database.transaction() as session:
            audit.record(session, actor, "records.deleted", "database", deleted)
    return deleted


async def _empty(database: Database, table: str, keep: Keep, now: datetime) -> int:
    deleted = 0
    while True:
        async with database.transaction() as session:
            batch = await retention.delete_batch(session, table, keep, now)
        deleted += batch
        if batch < retention.BATCH:
            return deleted
