"""Real PostgreSQL for every test that stores: one server a session, clean data a test."""

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from pipeline_guard.store import migrate
from pipeline_guard.store.embedded import EmbeddedPostgres
from pipeline_guard.store.session import Database

_numbers = itertools.count()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the environment of the person who runs it."""
    for name in os.environ:
        if name.startswith("PIPELINE_GUARD_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of an upgraded database nobody writes to: the template of every test's own."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = EmbeddedPostgres(folder / "data", durable=False)
    try:
        url = server.start()
        migrate.upgrade(url)
        with psycopg.connect(_named(url, "postgres"), autocommit=True) as admin:
            admin.execute("CREATE DATABASE rolled_back TEMPLATE pipeline_guard")
        yield url
    finally:
        server.release()
        shutil.rmtree(folder, ignore_errors=True)


def _named(url: str, name: str) -> str:
    return url.replace("/pipeline_guard?", f"/{name}?")


@pytest.fixture
async def session(postgres: str) -> AsyncIterator[AsyncSession]:
    """A session whose every write is rolled back at the end of the test."""
    url = _named(postgres, "rolled_back")

    async def connect() -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(url)

    engine = create_async_engine("postgresql+psycopg://", async_creator=connect)
    async with engine.connect() as connection:
        transaction = await connection.begin()
        async with AsyncSession(
            connection, join_transaction_mode="create_savepoint", expire_on_commit=False
        ) as opened:
            yield opened
        await transaction.rollback()
    await engine.dispose()


@pytest.fixture
def database_url(postgres: str) -> Iterator[str]:
    """A database of the test's own, for what commits or uses several connections."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(_named(postgres, "postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE pipeline_guard")
        yield _named(postgres, name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The store over the test's own database."""
    opened = Database(database_url)
    yield opened
    await opened.close()
