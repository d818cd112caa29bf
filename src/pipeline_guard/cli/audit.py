"""`audit`: who did what, newest first or all of it as a file."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import typer

from pipeline_guard.cli.environment import load_settings
from pipeline_guard.cli.stored import Columns, in_store, show_list

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

app = typer.Typer(help="Who did what: list, export.", no_args_is_help=True)

COLUMNS: Final[Columns] = {
    "at": lambda item: f"{item.at:%Y-%m-%d %H:%M:%S}",
    "who": lambda item: item.actor,
    "what": lambda item: item.action,
    "to": lambda item: item.subject,
    "details": lambda item: ", ".join(f"{key}: {value}" for key, value in item.details.items()),
}


@app.command("list")
def list_audit(
    actor: str | None = typer.Option(None, help="Only by this one, for example bot."),
    action: str | None = typer.Option(None, help="Only this, for example rerun.done."),
    subject: str | None = typer.Option(None, help="Only to this, for example github:acme/shop."),
    limit: int = typer.Option(20, min=1, max=1000, help="How many, newest first."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List what was done, newest first.

    Example: pipeline-guard audit list --actor github:ann

    Exit codes: 0 done, 1 the database does not answer, 2 wrong usage.
    """
    from pipeline_guard.store import audit  # noqa: PLC0415
    from pipeline_guard.web.api.audit import shape  # noqa: PLC0415

    async def work(session: "AsyncSession") -> list[Any]:
        rows = await audit.page(session, actor=actor, action=action, subject=subject, limit=limit)
        return [shape(row) for row in rows]

    show_list("entries", in_store(work), COLUMNS, as_json=as_json)


@app.command()
def export(
    as_: Literal["jsonl", "csv"] = typer.Option("jsonl", "--format", help="JSON lines or CSV."),
    since: datetime | None = typer.Option(None, help="Only from this UTC time on."),
) -> None:
    """Print the whole audit, oldest first.

    Example: pipeline-guard audit export --format csv > audit.csv

    Exit codes: 0 done, 1 the database does not answer, 2 wrong usage.
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.web.api.audit import exported  # noqa: PLC0415

    start = since.replace(tzinfo=UTC) if since else None

    async def work(url: str) -> None:
        async with runtime.open_database(url) as database:
            async for line in exported(database, as_, start):
                sys.stdout.write(line)

    with runtime.database_url(load_settings()) as url:
        runtime.run(work(url))
