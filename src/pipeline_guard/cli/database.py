"""`db`: the schema of the database."""

import typer

from pipeline_guard.settings import load_settings

app = typer.Typer(help="The database and its schema.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """Commands for the database."""


@app.command()
def upgrade() -> None:
    """Bring the database to this version's schema; safe to run twice, or on many machines.

    Example: PIPELINE_GUARD_DATABASE_URL=postgresql://... pipeline-guard db upgrade
    """
    from pipeline_guard.store import migrate  # noqa: PLC0415

    settings = load_settings()
    if settings.database_url is not None:
        before, after = migrate.upgrade(settings.database_url.get_secret_value())
    else:
        from pipeline_guard.store.embedded import EmbeddedPostgres  # noqa: PLC0415

        server = EmbeddedPostgres(settings.data_dir)
        try:
            before, after = migrate.upgrade(server.start())
        finally:
            server.release()
    if before == after:
        typer.echo(f"The schema is up to date ({after}).")
    else:
        typer.echo(f"The schema was brought from {before or 'nothing'} to {after}.")
