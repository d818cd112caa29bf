"""Bring a database to the newest schema; safe to call from many processes at once."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from pipeline_guard.errors import StoreUnavailable
from pipeline_guard.store.session import CONNECT_TIMEOUT, libpq_url

ADVISORY_LOCK = 0x50_47_55_41_52_44
"""Key of the lock that lets one upgrade run at a time ("PGUARD")."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _open(url: str) -> psycopg.Connection:
    try:
        return psycopg.connect(libpq_url(url), connect_timeout=CONNECT_TIMEOUT)
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"The database does not answer: {error}") from error


def upgrade(url: str) -> tuple[str | None, str]:
    """Run the missing migrations; returns the revision before and after.

    Raises StoreUnavailable when the database does not answer.
    """
    engine = create_engine("postgresql+psycopg://", creator=lambda: _open(url))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
            connection.commit()
            before = MigrationContext.configure(connection).get_current_revision()
            command.upgrade(_config(connection), "head")
            connection.commit()
            after = MigrationContext.configure(connection).get_current_revision()
            return before, str(after)
    finally:
        engine.dispose()


def newest_revision() -> str:
    """The revision this version of the code was written for."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def current_revision(url: str) -> str | None:
    """The database's revision, None when it has never been upgraded."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: _open(url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
