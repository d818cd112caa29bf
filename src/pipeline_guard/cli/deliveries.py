"""`deliveries`: what came in, and doing it again."""

from typing import Any

import typer

from pipeline_guard.settings import load_settings

app = typer.Typer(help="Inbound webhooks: list, show, replay.", no_args_is_help=True)
AS_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.command("list")
def list_deliveries(
    status: str | None = typer.Option(None, help="accepted, processed or failed."),
    platform: str | None = typer.Option(None, help="Only of this platform."),
    limit: int = typer.Option(20, min=1, max=1000, help="How many, newest first."),
    as_json: bool = AS_JSON,
) -> None:
    """List deliveries, newest first.

    Example: pipeline-guard deliveries list --status failed
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.store import deliveries  # noqa: PLC0415
    from pipeline_guard.web.api.deliveries import shape  # noqa: PLC0415

    async def work(url: str) -> list[Any]:
        async with runtime.open_database(url) as database, database.transaction() as session:
            rows = await deliveries.page(session, status=status, platform=platform, limit=limit)
            return [shape(row) for row in rows]

    with runtime.database_url(load_settings()) as url:
        found = runtime.run(work(url))
    if as_json:
        runtime.print_json([item.model_dump() for item in found])
        return
    runtime.print_table(
        f"{len(found)} deliveries",
        ["id", "received", "platform", "event", "status", "note"],
        [
            [
                str(item.id),
                item.received_at.strftime("%Y-%m-%d %H:%M:%S"),
                item.platform,
                item.event_name,
                item.status,
                item.note or "",
            ]
            for item in found
        ],
    )


@app.command()
def show(
    delivery: int = typer.Argument(help="The delivery's id."),
    body: bool = typer.Option(False, help="Print the stored body instead."),
) -> None:
    """Show one delivery as JSON; ends with 1 when there is none.

    Example: pipeline-guard deliveries show 42 --body
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.store import deliveries  # noqa: PLC0415
    from pipeline_guard.web.api.deliveries import shape  # noqa: PLC0415

    async def work(url: str) -> Any:
        async with runtime.open_database(url) as database, database.transaction() as session:
            return await deliveries.get(session, delivery)

    with runtime.database_url(load_settings()) as url:
        row = runtime.run(work(url))
    if row is None:
        _fail(delivery)
    if body:
        typer.echo(row.body.decode(errors="replace"))
    else:
        runtime.print_json(shape(row).model_dump())


@app.command()
def replay(delivery: int = typer.Argument(help="The delivery's id.")) -> None:
    """Work a delivery off once more; what was done before is found again, not repeated.

    Example: pipeline-guard deliveries replay 42
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.web.api.deliveries import replay as replay_one  # noqa: PLC0415
    from pipeline_guard.worker import TaskQueue, queue_app  # noqa: PLC0415

    async def work(url: str) -> bool:
        queue = queue_app(url, connections=1)
        async with runtime.open_database(url) as database, queue.open_async():
            return await replay_one(database, TaskQueue(queue), delivery)

    with runtime.database_url(load_settings()) as url:
        if not runtime.run(work(url)):
            _fail(delivery)
    typer.echo(f"Delivery {delivery} is queued again; a running worker takes it.")


def _fail(delivery: int) -> None:
    typer.echo(f"There is no delivery {delivery}. See: pipeline-guard deliveries list", err=True)
    raise typer.Exit(1)
