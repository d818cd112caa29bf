import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from pipeline_guard.errors import ConfigError
from pipeline_guard.store import access_tables, incident_tables, limit_tables, log_tables, migrate
from pipeline_guard.store.migrations import HEAD
from pipeline_guard.store.tables import Base


def test_the_head_that_is_written_down_is_the_newest_revision():
    assert ScriptDirectory.from_config(migrate.config()).get_current_head() == HEAD


def test_upgrading_twice_changes_nothing(database_url):
    assert migrate.upgrade(database_url) == (HEAD, HEAD)


def test_an_empty_database_is_brought_up_to_date(postgres):
    with psycopg.connect(named(postgres, "postgres"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE empty_one")
        url = named(postgres, "empty_one")
        assert migrate.current_revision(url) is None
        assert migrate.upgrade(url) == (None, HEAD)
        assert migrate.current_revision(url) == HEAD
        admin.execute("DROP DATABASE empty_one WITH (FORCE)")


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_is_not_utf8_is_refused_with_the_way_to_one(postgres, encoding):
    with psycopg.connect(named(postgres, "postgres"), autocommit=True) as admin:
        admin.execute(
            f"CREATE DATABASE foreign_one TEMPLATE template0 ENCODING '{encoding}'"
            " LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'"
        )
        try:
            for refuses in (migrate.upgrade, migrate.check):
                with pytest.raises(
                    ConfigError, match=f"foreign_one is encoded in {encoding}"
                ) as no:
                    refuses(named(postgres, "foreign_one"))
            told = str(no.value)
            admin.execute(told[told.index("CREATE DATABASE") :])
            assert migrate.upgrade(named(postgres, "pipeline_guard_utf8")) == (None, HEAD)
        finally:
            admin.execute("DROP DATABASE foreign_one WITH (FORCE)")
            admin.execute("DROP DATABASE IF EXISTS pipeline_guard_utf8 WITH (FORCE)")


def named(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return url.replace("/pipeline_guard?", f"/{name}?")


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
