"""`db backup` and `db restore`: the whole history in one file."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from pipeline_guard.cli.environment import load_settings

if TYPE_CHECKING:
    from pipeline_guard.settings import Settings

FILE = typer.Argument(..., help="The backup's file.")


def register(app: typer.Typer) -> None:
    """Add both commands."""

    @app.command()
    def backup(file: Path = FILE) -> None:
        """Write the whole database into a new file, while the service may run.

        Example: pipeline-guard db backup guard.dump

        Exit codes: 0 written, 1 the file exists already or the database does not answer.
        """
        from pipeline_guard.store import backup as store  # noqa: PLC0415

        with _database(load_settings()) as url:
            size = store.dump(url, file)
        typer.echo(f"{file} holds the whole database ({size / 1e6:.1f} MB).")

    @app.command()
    def restore(file: Path = FILE) -> None:
        """Fill an empty database from a backup; the schema is then brought up to date.

        Example: PIPELINE_GUARD_DATABASE_URL=postgresql://... pipeline-guard db restore guard.dump

        Exit codes: 0 restored, 1 the database is not empty or does not answer; nothing changed.
        """
        from pipeline_guard.store import backup as store  # noqa: PLC0415
        from pipeline_guard.store import migrate  # noqa: PLC0415

        with _database(load_settings()) as url:
            store.restore(url, file)
            _, revision = migrate.upgrade(url)
        typer.echo(f"{file} is restored; the schema is at {revision}.")


@contextlib.contextmanager
def _database(settings: "Settings") -> Iterator[str]:
    """DATABASE_URL, or our own database as it is: an empty one stays empty."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    from pipeline_guard.store.embedded import EmbeddedPostgres  # noqa: PLC0415

    server = EmbeddedPostgres(settings.data_dir)
    try:
        yield server.start()
    finally:
        server.release()
