"""`incidents`: failures that hit many runs at once, and whether their re-runs still wait."""

from typing import TYPE_CHECKING, Any, Final, Literal

import typer

from pipeline_guard.cli.stored import Columns, in_store, show_list, show_one

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

app = typer.Typer(help="Incidents: list, show.", no_args_is_help=True)
AS_JSON = typer.Option(False, "--json", help="Print JSON.")
COLUMNS: Final[Columns] = {
    "id": lambda item: str(item.id),
    "state": lambda item: item.status,
    "since": lambda item: f"{item.opened_at:%Y-%m-%d %H:%M}",
    "failures": lambda item: str(item.failures),
    "repositories": lambda item: str(len(item.repositories)),
    "probes": lambda item: str(len(item.probes)),
    "what": lambda item: item.title,
}


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
    from pipeline_guard.store import incidents  # noqa: PLC0415
    from pipeline_guard.web.api.incidents import shape  # noqa: PLC0415

    async def work(session: "AsyncSession") -> list[Any]:
        return [shape(row) for row in await incidents.page(session, status=status, limit=limit)]

    show_list("incidents", in_store(work), COLUMNS, as_json=as_json)


@app.command()
def show(
    incident: int = typer.Argument(help="The incident's id."), as_json: bool = AS_JSON
) -> None:
    """Tell the story of one incident.

    Exit codes: 0 done, 1 there is no such incident, 2 wrong usage.
    Example: pipeline-guard incidents show 3
    """
    from pipeline_guard.store import incidents  # noqa: PLC0415
    from pipeline_guard.web.api.incidents import shape  # noqa: PLC0415

    async def work(session: "AsyncSession") -> Any:
        row = await incidents.get(session, incident)
        return shape(row) if row else None

    show_one("incident", "incidents", incident, in_store(work), _story, as_json=as_json)


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
