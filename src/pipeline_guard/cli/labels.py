"""`failures labels`: what people said the causes really are, as lines to train on."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from pipeline_guard.cli.stored import in_store
from pipeline_guard.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from pipeline_guard.store.labels import Labelled

MANIFEST: Final = "manifest.jsonl"


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def labels(
        as_json: bool = typer.Option(
            False, "--json", help="Print one JSON object a line, with the excerpt as `text`."
        ),
        export: Path | None = typer.Option(
            None,
            metavar="DIR",
            file_okay=False,
            help="Write manifest.jsonl and the logs there, for `train` to take as one more"
            " manifest.",
        ),
    ) -> None:
        """List the failures that people have labelled with `/guard wrong`, the newest label each.

        Exit codes: 0 done, 1 the database does not answer or DIR cannot be written, 2 wrong usage.
        Example: pipeline-guard failures labels --export people
        """
        from pipeline_guard.cli import runtime  # noqa: PLC0415
        from pipeline_guard.store import labels as store  # noqa: PLC0415

        async def work(session: "AsyncSession") -> list[Any]:
            found = await store.newest(session)
            if export is not None:
                rows = [_written(export, i, await store.log_of(session, i)) for i in found]
                (export / MANIFEST).write_text("".join(rows), "utf-8")
            return list(found)

        found = in_store(work)
        if export is not None:
            typer.echo(f"{export / MANIFEST}: {len(found)} labelled logs")
            return
        if as_json:
            _print_lines([asdict(item) for item in found])
            return
        runtime.print_table(
            f"{len(found)} labelled failures",
            ["failure", "repository", "job", "diagnosed", "label", "by", "at"],
            [
                [str(item.failure), item.repository, item.job, item.diagnosed, item.label,
                 item.author, f"{item.at:%Y-%m-%d %H:%M}"]
                for item in found
            ],
        )  # fmt: skip


def _print_lines(rows: list[dict[str, Any]]) -> None:
    import orjson  # noqa: PLC0415

    for row in rows:
        typer.echo(orjson.dumps(row, default=str).decode())


def _written(folder: Path, item: "Labelled", text: str) -> str:
    """Write one log below the folder; returns its line of the manifest.

    That a re-run passed tells that the failure was transient, and nothing about its category; that
    it did not pass tells nothing, since a trouble may last.
    """
    import orjson  # noqa: PLC0415

    name = f"logs/{item.failure}.log"
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written: {error}") from error
    row: dict[str, Any] = {
        "path": name,
        "label": item.label,
        "label_basis": f"person {item.author}",
        "platform": item.platform,
        "project": item.repository,
    }
    if item.rerun_passed:
        row["retry_would_help"] = True
    return orjson.dumps(row).decode() + "\n"
