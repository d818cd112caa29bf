"""Real PostgreSQL for every test that stores, and a fake GitHub: one a session, clean a test."""

import itertools
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from stamina.instrumentation import set_on_retry_hooks

from pipeline_guard.store import migrate
from pipeline_guard.store.embedded import EmbeddedPostgres
from pipeline_guard.store.session import Database
from tests.fakes.github.server import FakeGitHub

_numbers = itertools.count()


@pytest.fixture(scope="session")
def github_server() -> Iterator[FakeGitHub]:
    with FakeGitHub() as running:
        yield running


@pytest.fixture
def github(github_server: FakeGitHub) -> FakeGitHub:
    """A GitHub that knows of nothing yet."""
    github_server.reset()
    return github_server


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test depends on the environment of the person who runs it."""
    for name in os.environ:
        if name.startswith("PIPELINE_GUARD_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Commands that run inside a test set up this process's log; the next test has its own."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.is_configured()
    yield
    if root.handlers != handlers or structlog.is_configured() != configured:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
        set_on_retry_hooks(None)


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


@pytest.fixture(scope="session")
def spare(postgres: str) -> Iterator["SpareDatabase"]:
    """The one database that tests commit to, one after the other."""
    with psycopg.connect(_named(postgres, "postgres"), autocommit=True) as admin:
        yield SpareDatabase(postgres, admin)


@pytest.fixture
def database_url(spare: "SpareDatabase") -> Iterator[str]:
    """A clean database, for what commits or uses several connections."""
    yield spare.url
    spare.clean()


class SpareDatabase:
    """A database that is emptied after a test; one whose shape was changed is made anew.

    To copy a database costs a tenth of a second and more, to empty it a hundredth.
    """

    def __init__(self, postgres: str, admin: psycopg.Connection) -> None:
        self._postgres, self._admin = postgres, admin
        self._create()

    def _create(self) -> None:
        name = f"test_{next(_numbers)}"
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE pipeline_guard")
        self._name, self.url = name, _named(self._postgres, name)
        with psycopg.connect(self.url) as own:
            self._kept = {name: _rows(own, name) for name in KEPT}
            self._shape = own.execute(SHAPE).fetchone()

    def clean(self) -> None:
        """Take back all that a test did."""
        self._admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (self._name,),
        )
        with psycopg.connect(self.url) as own:
            if own.execute(SHAPE).fetchone() == self._shape and all(
                _rows(own, name) == rows for name, rows in self._kept.items()
            ):
                own.execute(EMPTY)
                return
        self._admin.execute(f"DROP DATABASE {self._name} WITH (FORCE)")
        self._create()


KEPT = ("alembic_version",)
"""Tables whose rows come with the schema."""
SHAPE = """
SELECT (SELECT sum(hashtext(attrelid::regclass::text || attname || attisdropped || atttypid))
        FROM pg_attribute WHERE attrelid::regclass::text !~ '^pg_|^information'),
       (SELECT sum(hashtext(proname || md5(prosrc))) FROM pg_proc WHERE oid > 16383),
       (SELECT sum(hashtext(tgname || tgenabled::text)) FROM pg_trigger WHERE NOT tgisinternal),
       (SELECT count(*) FROM pg_namespace), (SELECT setconfig FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
EMPTY = """
DO $$ DECLARE item record; BEGIN
  SET LOCAL session_replication_role = replica;  -- no trigger, no foreign key: all goes anyway
  FOR item IN SELECT oid::regclass AS name FROM pg_class
      WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
  LOOP EXECUTE 'DELETE FROM ' || item.name; END LOOP;
  FOR item IN SELECT oid::regclass AS name FROM pg_class
      WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
  LOOP EXECUTE 'ALTER SEQUENCE ' || item.name || ' RESTART'; END LOOP;
END $$
"""


def _rows(own: psycopg.Connection, table: str) -> list[tuple[object, ...]]:
    return own.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The store over the test's own database."""
    opened = Database(database_url)
    yield opened
    await opened.close()
