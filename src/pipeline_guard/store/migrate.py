"""Bring a database to the newest schema; safe to call from many processes at once."""

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import Connection, create_engine, text

from pipeline_guard.errors import StoreUnavailable
from pipeline_guard.store.migrations import HEAD
from pipeline_guard.store.session import CONNECT_TIMEOUT, libpq_url

if TYPE_CHECKING:
    from alembic.config import Config

ADVISORY_LOCK = 0x50_47_55_41_52_44
"""Key of the lock that lets one upgrade run at a time ("PGUARD")."""


def config(connection: Connection | None = None) -> "Config":
    """Alembic's configuration for our revisions, to run on that connection."""
    from alembic.config import Config  # noqa: PLC0415

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    made.attributes["connection"] = connection
    return made


def _open(url: str) -> psycopg.Connection:
    try:
        return psycopg.connect(libpq_url(url), connect_timeout=CONNECT_TIMEOUT)
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"The database does not answer: {error}") from error


def upgrade(url: str) -> tuple[str | None, str]:
    """Run the missing migrations; returns the revision before and after.

    Raises StoreUnavailable when the database does not answer.
    """
    found = current_revision(url)
    if found == HEAD:
        return found, HEAD
    # Imported here: Alembic costs a third of a second that only an upgrade should pay.
    from alembic import command  # noqa: PLC0415

    engine = create_engine("postgresql+psycopg://", creator=lambda: _open(url))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
            connection.commit()
            command.upgrade(config(connection), "head")
            connection.commit()
            return found, HEAD
    finally:
        engine.dispose()


def current_revision(url: str) -> str | None:
    """The database's revision, None when it has never been upgraded.

    Raises StoreUnavailable when the database does not answer.
    """
    with _open(url) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return str(row[0]) if row else None
