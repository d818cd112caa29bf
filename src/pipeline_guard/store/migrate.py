"""Bring a database to the newest schema; safe to call from many processes at once."""

from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

from pipeline_guard.errors import ConfigError, StoreUnavailable
from pipeline_guard.store.migrations import HEAD
from pipeline_guard.store.session import CONNECT_TIMEOUT, libpq_url

if TYPE_CHECKING:
    from alembic.config import Config

ADVISORY_LOCK = 0x50_47_55_41_52_44
"""Key of the lock that lets one upgrade run at a time ("PGUARD")."""
LOCK_SECONDS = 10
"""How long an upgrade waits for a table: all that comes after it waits behind it."""


def config(connection: Connection | None = None) -> "Config":
    """Alembic's configuration for our revisions, to run on that connection."""
    from alembic.config import Config  # noqa: PLC0415

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    made.attributes["connection"] = connection
    return made


def _open(url: str) -> psycopg.Connection:
    """A connection; raises StoreUnavailable, or ConfigError where text would not be text."""
    try:
        connection = psycopg.connect(libpq_url(url), connect_timeout=CONNECT_TIMEOUT)
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"The database does not answer: {error}") from error
    encoding = connection.info.parameter_status("server_encoding")
    if encoding not in (None, "UTF8"):
        name = connection.info.dbname
        connection.close()
        raise ConfigError(
            f"The database {name} is encoded in {encoding}, which cannot hold what is in logs: it"
            " has to be UTF8. Make one, and name it in PIPELINE_GUARD_DATABASE_URL:"
            " CREATE DATABASE pipeline_guard_utf8 TEMPLATE template0 ENCODING 'UTF8'"
            " LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    return connection


def upgrade(url: str) -> tuple[str | None, str | None]:
    """Run the missing migrations; returns the revision before and after.

    A schema that a newer version made is left alone. Raises ConfigError for a database that is
    not UTF8, StoreUnavailable when it does not answer, or when others hold its tables for longer
    than LOCK_SECONDS.
    """
    found = current_revision(url)
    if found == HEAD or _is_newer(found):
        return found, found
    # Imported here: Alembic costs a third of a second that only an upgrade should pay.
    from alembic import command  # noqa: PLC0415

    engine = create_engine("postgresql+psycopg://", creator=lambda: _open(url))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
            connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
            connection.commit()
            command.upgrade(config(connection), "head")
            connection.commit()
            return found, HEAD
    except OperationalError as error:
        if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise
        raise StoreUnavailable(
            f"A table that the upgrade changes was in use for over {LOCK_SECONDS} s. Nothing was"
            " changed; run the upgrade again."
        ) from error
    finally:
        engine.dispose()


def current_revision(url: str) -> str | None:
    """The database's revision, None when it has never been upgraded.

    Raises StoreUnavailable when the database does not answer, ConfigError when it is not UTF8.
    """
    with _open(url) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return str(row[0]) if row else None


def check(url: str) -> None:
    """Refuse a schema that is older than this version needs; a newer one serves it, too.

    Migrations only add (docs/adr/0025-expand-and-contract.md), so that the old version's processes
    work on while, and after, the new one's upgrade ran. Raises ConfigError, or StoreUnavailable
    when the database does not answer.
    """
    found = current_revision(url)
    if found != HEAD and not _is_newer(found):
        raise ConfigError(
            f"The database's schema is at {found or 'nothing'}, this version needs {HEAD}."
            " Run: pipeline-guard db upgrade"
        )


def _is_newer(revision: str | None) -> bool:
    """True for a revision that this version has never heard of."""
    if revision is None or revision == HEAD:
        return False
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    known = ScriptDirectory.from_config(config()).walk_revisions()
    return revision not in {script.revision for script in known}
