"""`incidents`: failures that hit many runs at once, and whether their re-runs still wait."""

from typing import Any, Literal

import typer

from pipeline_guard.cli.environment import load_settings

app = typer.Typer(help="Incidents: list, show.", no_args_is_help=True)
AS_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.command("list")
def list_incidents(
    status: Literal["open", "probing", "closed"] | None = typer.Option(
        None, help="Only in this state."
    ),
    limit: int = typer.Option(20, min=1, max=1000, help="How many, newest first."),
    as_json: bool = AS_JSON,
) -> None:
    """List incidents, newest first.

    Exit codes: 0 done, 1 the database does not answer, 2 wrong usage.
    Example: pipeline-guard incidents list --status open
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.store import incidents  # noqa: PLC0415
    from pipeline_guard.web.api.incidents import shape  # noqa: PLC0415

    async def work(url: str) -> list[Any]:
        async with runtime.open_database(url) as database, database.transaction() as session:
            return [shape(row) for row in await incidents.page(session, status=status, limit=limit)]

    with runtime.database_url(load_settings()) as url:
        found = runtime.run(work(url))
    if as_json:
        runtime.print_json([item.model_dump() for item in found])
        return
    runtime.print_table(
        f"{len(found)} incidents",
        ["id", "state", "since", "failures", "repositories", "probes", "what"],
        [
            [
                str(item.id),
                item.status,
                f"{item.opened_at:%Y-%m-%d %H:%M}",
                str(item.failures),
                str(len(item.repositories)),
                str(len(item.probes)),
                item.title,
            ]
            for item in found
        ],
    )


@app.command()
def show(
    incident: int = typer.Argument(help="The incident's id."), as_json: bool = AS_JSON
) -> None:
    """Tell the story of one incident.

    Exit codes: 0 done, 1 there is no such incident, 2 wrong usage.
    Example: pipeline-guard incidents show 3
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.store import incidents  # noqa: PLC0415
    from pipeline_guard.web.api.incidents import shape  # noqa: PLC0415

    async def work(url: str) -> Any:
        async with runtime.open_database(url) as database, database.transaction() as session:
            row = await incidents.get(session, incident)
            return shape(row) if row else None

    with runtime.database_url(load_settings()) as url:
        found = runtime.run(work(url))
    if found is None:
        typer.echo(f"There is no incident {incident}. See: pipeline-guard incidents list", err=True)
        raise typer.Exit(1)
    if as_json:
        runtime.print_json(found.model_dump())
    else:
        typer.echo(_story(found))


def _story(item: Any) -> str:
    lines = [
        f"Incident {item.id}: {item.title}",
        f"  state        {item.status}",
        f"  opened       {item.opened_at:%Y-%m-%d %H:%M:%S}",
        f"  last seen    {item.last_seen_at:%Y-%m-%d %H:%M:%S}",
        f"  failures     {item.failures}",
        f"  repositories {', '.join(item.repositories)}",
        f"  fingerprint  {item.fingerprint} on {item.platform}, rule {item.rule or '-'}",
    ]
    if item.closed_at:
        lines.append(f"  closed       {item.closed_at:%Y-%m-%d %H:%M:%S}  {item.closed_by}")
    lines.append("Re-runs let through")
    said = {True: "passed", False: "failed again", None: "not known yet"}
    lines += [
        f"  {probe['at']}  {probe['repository']} run {probe['run_id']}: {said[probe['passed']]}"
        for probe in item.probes
    ]
    return "\n".join(lines)
