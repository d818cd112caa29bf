"""`deliveries`: what came in, doing it again, and looking for what did not come in."""

import sys
from typing import TYPE_CHECKING, Any, Final, Literal

import typer

from pipeline_guard.cli.environment import load_settings
from pipeline_guard.cli.stored import Columns, in_store, show_list, there

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from pipeline_guard.stages.upkeep.recover import Sweep
    from pipeline_guard.store.tables import Delivery

app = typer.Typer(help="Inbound webhooks: list, show, replay, recover.", no_args_is_help=True)
AS_JSON = typer.Option(False, "--json", help="Print JSON.")
COLUMNS: Final[Columns] = {
    "id": lambda item: str(item.id),
    "received": lambda item: f"{item.received_at:%Y-%m-%d %H:%M:%S}",
    "platform": lambda item: item.platform,
    "event": lambda item: item.event_name,
    "status": lambda item: item.status,
    "note": lambda item: item.note or "",
}


@app.command("list")
def list_deliveries(
    status: Literal["accepted", "processed", "failed"] | None = typer.Option(
        None, help="Only in this state."
    ),
    platform: str | None = typer.Option(None, help="Only of this platform."),
    limit: int = typer.Option(20, min=1, max=1000, help="How many, newest first."),
    as_json: bool = AS_JSON,
) -> None:
    """List deliveries, newest first.

    Example: pipeline-guard deliveries list --status failed

    Exit codes: 0 done, 1 the database does not answer, 2 wrong usage.
    """
    from pipeline_guard.store import deliveries  # noqa: PLC0415
    from pipeline_guard.web.api.deliveries import shape  # noqa: PLC0415

    async def work(session: "AsyncSession") -> list[Any]:
        rows = await deliveries.page(session, status=status, platform=platform, limit=limit)
        return [shape(row) for row in rows]

    show_list("deliveries", in_store(work), COLUMNS, as_json=as_json)


@app.command()
def show(
    delivery: int = typer.Argument(help="The delivery's id."),
    body: bool = typer.Option(False, help="Print the stored body instead."),
    as_json: bool = AS_JSON,
) -> None:
    """Show one delivery: to people in a few lines, as JSON when piped or with --json.

    Example: pipeline-guard deliveries show 42 --body

    Exit codes: 0 shown, 1 there is no such delivery, 2 wrong usage.
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.store import deliveries  # noqa: PLC0415
    from pipeline_guard.web.api.deliveries import shape  # noqa: PLC0415

    async def work(session: "AsyncSession") -> "Delivery | None":
        return await deliveries.get(session, delivery)

    row = there(in_store(work), "delivery", delivery, "deliveries")
    if body:
        typer.echo(row.body.decode(errors="replace"))
    elif as_json or not sys.stdout.isatty():
        runtime.print_json(shape(row).model_dump())
    else:
        typer.echo(_story(row, shape(row).event))


def _story(row: "Delivery", told: dict[str, Any]) -> str:
    event = {key: value for key, value in told.items() if value and key != "hints"}
    return "\n".join(
        (
            f"Delivery {row.id}: {row.event_name} of {row.platform}",
            f"  its id     {row.delivery_id}",
            f"  received   {row.received_at:%Y-%m-%d %H:%M:%S %Z}",
            f"  state      {row.status}",
            f"  note       {row.note or '-'}",
            *(f"  {key:<10} {value}" for key, value in event.items()),
            f"  body       {len(row.body)} bytes: pipeline-guard deliveries show {row.id} --body",
        )
    )


@app.command()
def replay(
    delivery: int | None = typer.Argument(None, help="The delivery's id."),
    failed: bool = typer.Option(False, "--failed", help="All that were given up."),
    as_json: bool = AS_JSON,
) -> None:
    """Work a delivery off once more; what was done before is found again, not repeated.

    Example: pipeline-guard deliveries replay 42

    Exit codes: 0 queued again, 1 there is no such delivery, 2 wrong usage.
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.store import deliveries  # noqa: PLC0415
    from pipeline_guard.web.api.deliveries import replay as replay_one  # noqa: PLC0415
    from pipeline_guard.worker import TaskQueue, queue_app  # noqa: PLC0415

    if (delivery is None) is not failed:
        raise typer.BadParameter("give either a delivery's id or --failed")

    async def work(url: str) -> int:
        queue = queue_app(url, connections=1)
        async with runtime.open_database(url) as database, queue.open_async():
            wanted = [] if delivery is None else [delivery]
            if failed:
                async with database.transaction() as session:
                    wanted = list(await deliveries.failed_ids(session))
            tasks, actor = TaskQueue(queue), runtime.actor()
            return sum([await replay_one(database, tasks, item, actor) for item in wanted])

    with runtime.database_url(load_settings()) as url:
        count = runtime.run(work(url))
    if delivery is not None:
        there(count or None, "delivery", delivery, "deliveries")
    if as_json:
        runtime.print_json({"queued": count})
        return
    which = f"{count} failed deliveries are" if failed else f"Delivery {delivery} is"
    typer.echo(f"{which} queued again; a running worker takes them.")


@app.command()
def recover(
    dry_run: bool = typer.Option(False, "--dry-run", help="Look only: ask and store nothing."),
    as_json: bool = AS_JSON,
) -> None:
    """Look now for webhooks that were missed, as every worker does every five minutes.

    Example: pipeline-guard deliveries recover --dry-run

    Exit codes: 0 looked, 1 another sweep is under way or the database away.
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.stages import assemble  # noqa: PLC0415
    from pipeline_guard.stages.upkeep import recover  # noqa: PLC0415
    from pipeline_guard.stages.upkeep.registrations import Registrations  # noqa: PLC0415
    from pipeline_guard.worker import TaskQueue, queue_app  # noqa: PLC0415

    settings = load_settings()

    async def work(url: str) -> recover.Sweep | None:
        queue = queue_app(url, connections=1)
        platforms = assemble.connect_platforms(settings)
        try:
            async with runtime.open_database(url) as database, queue.open_async():
                await Registrations(settings, database, platforms).refresh()
                context = assemble.context(settings, database, platforms, TaskQueue(queue))
                return await recover.sweep(context, dry_run=dry_run)
        finally:
            await platforms.aclose()

    with runtime.database_url(settings) as url:
        found = runtime.run(work(url))
    if found is None:
        typer.echo("Another sweep is under way; try again in a minute.", err=True)
        raise typer.Exit(1)
    _print_sweep(found, dry_run=dry_run, as_json=as_json)


def _print_sweep(found: "Sweep", *, dry_run: bool, as_json: bool) -> None:
    from dataclasses import asdict  # noqa: PLC0415

    from pipeline_guard.cli import runtime  # noqa: PLC0415

    if as_json:
        runtime.print_json(asdict(found) | {"dry_run": dry_run})
        return
    rows = [["accepted, its job was gone", f"delivery {row_id}", ""] for row_id in found.resumed]
    rows += [
        [f"{item.event_name} not delivered", item.delivery_id, str(item.tried_at)]
        for item in found.asked
    ]
    rows += [
        [
            "ended red, no webhook",
            f"{run.event.platform} {run.event.repository} run {run.event.run_id}",
            str(run.finished_at),
        ]
        for run in found.runs
    ]
    title = f"{len(rows)} missed" + (" (dry run: nothing was done)" if dry_run else "")
    runtime.print_table(title, ["what", "which", "when"], rows)
    for note in found.notes:
        typer.echo(note, err=True)
