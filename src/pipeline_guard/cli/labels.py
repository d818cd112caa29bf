"""`failures labels`: what people said the causes really are, as lines to train on."""

from dataclasses import asdict
from typing import Any

import typer

from pipeline_guard.cli.environment import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def labels(
        as_json: bool = typer.Option(
            False, "--json", help="Print one JSON object a line, with the excerpt as `text`."
        ),
    ) -> None:
        """List the failures that people have labelled with `/guard wrong`, the newest label each.

        Example: pipeline-guard failures labels --json > labels.jsonl
        """
        from pipeline_guard.cli import runtime  # noqa: PLC0415
        from pipeline_guard.store import labels as store  # noqa: PLC0415

        async def work(url: str) -> list[Any]:
            async with runtime.open_database(url) as database, database.transaction() as session:
                return await store.newest(session)

        with runtime.database_url(load_settings()) as url:
            found = runtime.run(work(url))
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
