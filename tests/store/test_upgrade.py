"""Old and new versions work side by side: migrations only add, and neither refuses the other."""

import threading

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import MetaData, create_engine
from typer.testing import CliRunner

from pipeline_guard.cli import build
from pipeline_guard.errors import ConfigError, StoreUnavailable
from pipeline_guard.store import migrate
from pipeline_guard.store.deliveries import NewDelivery, store_batch
from pipeline_guard.store.migrations import HEAD


def revisions() -> list[str]:
    """Oldest first."""
    found = ScriptDirectory.from_config(migrate.config()).walk_revisions()
    return [script.revision for script in found][::-1]


@pytest.fixture
def empty_url(postgres):
    name = "side_by_side"
    admin_url = postgres.replace("/pipeline_guard?", "/postgres?")
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield postgres.replace("/pipeline_guard?", f"/{name}?")
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def bring_to(url: str, revision: str) -> MetaData:
    """The schema at that revision, as the database tells it."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url))
    with engine.connect() as connection:
        command.upgrade(migrate.config(connection), revision)
        connection.commit()
        found = MetaData()
        found.reflect(connection)
    engine.dispose()
    return found


def stamp(url: str, revision: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (revision,))


def test_no_migration_takes_away_what_the_version_before_it_uses(empty_url):
    before: MetaData | None = None
    for revision in revisions():
        after = bring_to(empty_url, revision)
        for table in before.tables.values() if before else ():
            assert table.name in after.tables, f"{revision} drops {table.name}"
            columns = after.tables[table.name].columns
            for old in table.columns:
                where = f"{revision}: {table.name}.{old.name}"
                assert old.name in columns, f"{where} is gone"
                new = columns[old.name]
                assert str(new.type) == str(old.type), f"{where} changes its type"
                assert new.nullable or not old.nullable, f"{where} forbids NULL"
            for new in columns:
                unsaid = new.nullable or new.server_default is not None or new.identity is not None
                assert new.name in table.columns or unsaid, (
                    f"{revision}: the version before cannot write {table.name}: it does not know"
                    f" {new.name}, which has neither NULL nor a default"
                )
        before = after


async def test_deliveries_are_accepted_while_the_schema_is_upgraded(empty_url):
    bring_to(empty_url, revisions()[0])
    done = threading.Event()
    upgrade = threading.Thread(target=lambda: (migrate.upgrade(empty_url), done.set()))
    stored = 0
    async with AsyncConnectionPool(empty_url, kwargs={"autocommit": True}, open=False) as pool:
        upgrade.start()
        while not done.is_set() or stored < 20:
            one = NewDelivery("github", str(stored), "push", b"{}", b"{}")
            assert len(await store_batch(pool, [one])) == 1
            stored += 1
    upgrade.join()
    assert migrate.current_revision(empty_url) == HEAD
    with psycopg.connect(empty_url) as connection:
        assert connection.execute("SELECT count(*) FROM deliveries").fetchone() == (stored,)
        assert connection.execute("SELECT count(*) FROM procrastinate_jobs").fetchone() == (stored,)


def test_a_schema_that_is_too_old_is_refused_with_what_to_do(database_url):
    stamp(database_url, revisions()[-2])
    with pytest.raises(ConfigError, match="Run: pipeline-guard db upgrade"):
        migrate.check(database_url)


def test_the_schema_of_a_newer_version_serves_and_is_left_alone(database_url, monkeypatch):
    stamp(database_url, "29991231_future")
    migrate.check(database_url)
    assert migrate.upgrade(database_url) == ("29991231_future", "29991231_future")
    monkeypatch.setenv("PIPELINE_GUARD_DATABASE_URL", database_url)
    told = CliRunner().invoke(build(), ["db", "upgrade"])
    assert told.exit_code == 0
    assert "newer than this version" in told.stdout


def test_an_upgrade_does_not_wait_forever_for_a_table(empty_url, monkeypatch):
    bring_to(empty_url, revisions()[0])
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 0.05)
    with psycopg.connect(empty_url) as busy:
        for table in ("deliveries", "failures"):
            busy.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable, match="run the upgrade again"):
            migrate.upgrade(empty_url)
        busy.rollback()
    assert migrate.current_revision(empty_url) == revisions()[0]
