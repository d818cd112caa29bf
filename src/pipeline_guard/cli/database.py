"""`db`: the schema of the database, and what grows in it."""

import typer

from pipeline_guard.cli import backup
from pipeline_guard.cli.environment import load_settings

app = typer.Typer(help="The database: upgrade, prune, backup, restore.", no_args_is_help=True)
backup.register(app)


@app.callback()
def root() -> None:
    """Commands for the database."""


@app.command()
def upgrade(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Bring the database to this version's schema; safe to run twice, or on many machines.

    Example: PIPELINE_GUARD_DATABASE_URL=postgresql://... pipeline-guard db upgrade

    Exit codes: 0 up to date, 1 it could not be done (the reason is on stderr).
    """
    from pipeline_guard.store import migrate  # noqa: PLC0415
    from pipeline_guard.store.migrations import HEAD  # noqa: PLC0415

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
    if as_json:
        from pipeline_guard.cli import runtime  # noqa: PLC0415

        runtime.print_json({"before": before, "after": after, "wanted": HEAD})
    elif before == after:
        newer = "" if after == HEAD else "; it is newer than this version, which works on it"
        typer.echo(f"The schema is up to date ({after}{newer}).")
    else:
        typer.echo(f"The schema was brought from {before or 'nothing'} to {after}.")


@app.command()
def prune(
    dry_run: bool = typer.Option(False, help="Only count; delete nothing."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON: rows by table."),
) -> None:
    """Delete what is past its limit now; workers do it by themselves once an hour.

    The limits are PIPELINE_GUARD_KEEP_DELIVERIES_DAYS, _KEEP_FAILURES_DAYS, _KEEP_LOGS_DAYS
    and _KEEP_QUEUE_DAYS.

    Example: pipeline-guard db prune --dry-run

    Exit codes: 0 done, 1 the database does not answer.
    """
    from datetime import UTC, datetime  # noqa: PLC0415

    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.stages import assemble  # noqa: PLC0415
    from pipeline_guard.stages.upkeep.prune import prune as delete  # noqa: PLC0415
    from pipeline_guard.store import retention  # noqa: PLC0415

    settings = load_settings()
    keep = assemble.keep(settings)

    async def work(url: str) -> dict[str, int]:
        async with runtime.open_database(url) as database:
            if not dry_run:
                return await delete(database, keep, actor=runtime.actor()) or {}
            async with database.transaction() as session:
                return await retention.overdue(session, keep, datetime.now(UTC))

    with runtime.database_url(settings) as url:
        rows = runtime.run(work(url))
    if as_json:
        runtime.print_json({"dry_run": dry_run, "rows": rows})
        return
    done = "would be deleted" if dry_run else "were deleted"
    days = {table: str(getattr(keep, rule.limit)) for table, rule in retention.RULES.items()}
    runtime.print_table(
        f"{sum(rows.values())} rows {done}",
        ["table", "kept for (days)", done],
        [[table, days[table], str(count)] for table, count in rows.items()],
    )
