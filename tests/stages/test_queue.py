"""Jobs deferred in the caller's own transaction."""

import pytest
from sqlalchemy import text

from pipeline_guard.worker import TaskQueue, queue_app


@pytest.fixture
async def queue(database_url: str):
    app = queue_app(database_url)
    async with app.open_async():
        yield TaskQueue(app)


async def count(session) -> int:
    return (await session.execute(text("SELECT count(*) FROM procrastinate_jobs"))).scalar_one()


async def test_a_named_job_waits_once_and_the_transaction_goes_on(queue, database):
    for _ in range(2):
        async with database.transaction() as session:
            await queue.defer(session, "look_again", {"checks": 0}, once="one")
            await queue.defer(session, "look_again", {"checks": 1}, once="one")
            await queue.defer(session, "report", {})
    async with database.transaction() as session:
        assert await count(session) == 3


async def test_a_rollback_leaves_no_job(queue, database):
    async with database.transaction() as session:
        await queue.defer(session, "report", {})
        await session.rollback()
    async with database.transaction() as session:
        assert await count(session) == 0
