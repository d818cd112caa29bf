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
AS_JSON = typer.Option(False, "--json", help="Print JSON.")


def register(app: typer.Typer) -> None:
    """Add both commands."""

    @app.command()
    def backup(file: Path = FILE, as_json: bool = AS_JSON) -> None:
        """Write the whole database into a new file, while the service may run.

        Example: pipeline-guard db backup guard.dump

        Exit codes: 0 written, 1 the file exists already or the database does not answer.
        """
        from pipeline_guard.store import backup as store  # noqa: PLC0415

        with _database(load_settings()) as url:
            size = store.dump(url, file)
        if as_json:
            _print({"file": str(file), "bytes": size})
            return
        typer.echo(f"{file} holds the whole database ({size / 1e6:.1f} MB).")

    @app.command()
    def restore(file: Path = FILE, as_json: bool = AS_JSON) -> None:
        """Fill an empty database from a backup; the schema is then brought up to date.

        Example: PIPELINE_GUARD_DATABASE_URL=postgresql://... pipeline-guard db restore guard.dump

        Exit codes: 0 restored, 1 the database is not empty or does not answer; nothing changed.
        """
        from pipeline_guard.store import backup as store  # noqa: PLC0415
        from pipeline_guard.store import migrate  # noqa: PLC0415

        with _database(load_settings()) as url:
            store.restore(url, file)
            _, revision = migrate.upgrade(url)
        if as_json:
            _print({"file": str(file), "schema": revision})
            return
        typer.echo(f"{file} is restored; the schema is at {revision}.")


def _print(data: dict[str, str | int | None]) -> None:
    from pipeline_guard.cli import runtime  # noqa: PLC0415

    runtime.print_json(data)


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
