import psycopg
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from pipeline_guard.store import access_tables, incident_tables, limit_tables, log_tables, migrate
from pipeline_guard.store.migrations import HEAD
from pipeline_guard.store.tables import Base


def test_the_head_that_is_written_down_is_the_newest_revision():
    assert ScriptDirectory.from_config(migrate.config()).get_current_head() == HEAD


def test_upgrading_twice_changes_nothing(database_url):
    assert migrate.upgrade(database_url) == (HEAD, HEAD)


def test_an_empty_database_is_brought_up_to_date(postgres):
    admin_url = postgres.replace("/pipeline_guard?", "/postgres?")
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE empty_one")
        url = postgres.replace("/pipeline_guard?", "/empty_one?")
        assert migrate.current_revision(url) is None
        assert migrate.upgrade(url) == (None, HEAD)
        assert migrate.current_revision(url) == HEAD
        admin.execute("DROP DATABASE empty_one WITH (FORCE)")


def test_the_migrations_make_exactly_the_tables_of_the_code(database_url):
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(database_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: not (name or "").startswith("procrastinate")
            },
        )
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert differences == []
    assert access_tables.Token.metadata is Base.metadata
    assert log_tables.JobLog.metadata is Base.metadata
    assert incident_tables.Incident.metadata is Base.metadata
    assert limit_tables.PlatformLimit.metadata is Base.metadata
