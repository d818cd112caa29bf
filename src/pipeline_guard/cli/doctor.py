"""`doctor`: checks the installation, and for what is wrong says what to do."""

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from pipeline_guard.cli.environment import load_settings
from pipeline_guard.errors import PipelineGuardError, StoreUnavailable

if TYPE_CHECKING:
    from pipeline_guard.domain.inspection import Finding
    from pipeline_guard.settings import Settings

_COLOURS = {"ok": "green", "off": "dim", "note": "yellow", "wrong": "bold red"}


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def doctor(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
        """Check policy, rules, model, disk, database, queue, Redis, platforms and their webhooks.

        Nothing is changed anywhere. Each finding is ok, off (not configured), note (look at it)
        or wrong, with what to do.

        Example: pipeline-guard doctor --json

        Exit codes: 0 nothing is wrong, 1 something is.
        """
        from pipeline_guard.cli import runtime  # noqa: PLC0415

        found = look(load_settings())
        if as_json:
            runtime.print_json(
                [
                    {"name": item.name, "state": item.state, "text": item.text, "fix": item.fix}
                    for item in found
                ]
            )
        else:
            show(found)
        if any(item.state == "wrong" for item in found):
            raise typer.Exit(1)


def look(settings: "Settings") -> list["Finding"]:
    """All findings; without a database what can be seen without it."""
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.domain.inspection import Finding  # noqa: PLC0415
    from pipeline_guard.stages import assemble  # noqa: PLC0415
    from pipeline_guard.stages.upkeep import doctor  # noqa: PLC0415
    from pipeline_guard.stages.upkeep.registrations import Registrations  # noqa: PLC0415

    async def work(url: str | None) -> list[Finding]:
        platforms = assemble.connect_platforms(settings)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(platforms.aclose)
            database = await stack.enter_async_context(runtime.open_database(url)) if url else None
            if database is not None:
                with contextlib.suppress(StoreUnavailable):  # a finding of its own
                    await Registrations(settings, database, platforms).refresh()
            return await doctor.examine(settings, database, platforms)

    try:
        # Its own lines would only say once more what the findings say.
        with runtime.database_url(settings, quiet=True) as url:
            return list(runtime.run(work(url)))
    except (PipelineGuardError, OSError) as error:
        fix = "Start PostgreSQL, mend PIPELINE_GUARD_DATABASE_URL, or see the text."
        wrong = Finding("database", "wrong", str(error), fix)
        return [wrong, *runtime.run(work(None))]


def show(found: Sequence["Finding"]) -> None:
    """The findings as a table, with what to do below each that is not well."""
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from pipeline_guard.cli import runtime  # noqa: PLC0415

    table = Table.grid(padding=(0, 2))
    for item in found:
        told = Text(item.text)
        if item.fix and item.state != "ok":
            told.append(f"\n→ {item.fix}", style="" if item.state == "wrong" else "dim")
        table.add_row(Text(item.state, style=_COLOURS[item.state]), Text(item.name), told)
    runtime.console().print(table)
