"""`rules backtest`: what a change of the rules would have done to the failures of the last days."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from pipeline_guard.errors import ConfigError

if TYPE_CHECKING:
    from pipeline_guard.stages.diagnose.judge import Judge
    from pipeline_guard.stages.trials.backtest import Compared, Score

MOST_ROWS: Final = 50
"""Differences that are printed for people; --json has all."""


@dataclass
class Result:
    """All of a backtest."""

    before: "Score"
    after: "Score"
    failures: int = 0
    differences: list["Compared"] = field(default_factory=list)

    def add(self, items: list["Compared"]) -> None:
        """Count the failures of one more run attempt."""
        for item in items:
            self.failures += 1
            self.before.add(item.before, item.passed, item.label)
            self.after.add(item.after, item.passed, item.label)
            if item.differs:
                self.differences.append(item)


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def backtest(
        days: int = typer.Option(30, min=1, max=3650, help="How far back."),
        rules: Path | None = typer.Option(
            None, metavar="DIR", help="A folder of rules to try; without it, the rules in force."
        ),
        as_json: bool = typer.Option(False, "--json", help="Print JSON."),
    ) -> None:
        """Judge stored failures anew; tell what would be judged or re-run otherwise.

        With --rules these rules are held against those in force, without it those in force against
        what was judged at the time. Right and wrong are told by re-runs that ended and by people's
        labels.

        Exit codes: 0 no worse than before; 1 worse in one of the three shares, or the database
        does not answer; 2 the rules cannot be loaded.
        Example: pipeline-guard rules backtest --days 30 --rules ./new-rules
        """
        from pipeline_guard.cli import runtime  # noqa: PLC0415
        from pipeline_guard.cli.environment import load_settings  # noqa: PLC0415
        from pipeline_guard.stages.assemble import rule_folders  # noqa: PLC0415

        settings = load_settings()
        in_force = _judge(rule_folders(settings))
        before, after = (in_force, _judge((rules,))) if rules else (None, in_force)
        since = datetime.now(UTC) - timedelta(days=days)
        with runtime.database_url(settings) as url:
            result = runtime.run(_work(url, before, after, since))
        if as_json:
            runtime.print_json(as_data(result))
        else:
            _print(result, days)
        if result.after.worse_than(result.before):
            raise typer.Exit(1)


def _judge(folders: tuple[Path, ...]) -> "Judge":
    from pipeline_guard.classifier.predict import Model  # noqa: PLC0415
    from pipeline_guard.rules.load import load_rules  # noqa: PLC0415
    from pipeline_guard.stages.diagnose.judge import Judge  # noqa: PLC0415

    try:
        return Judge(load_rules(folders), Model())
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


async def _work(url: str, before: "Judge | None", after: "Judge", since: datetime) -> Result:
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.stages.trials.backtest import Score, backtest  # noqa: PLC0415
    from pipeline_guard.store import failures  # noqa: PLC0415

    result = Result(Score(), Score())
    console = Console(stderr=True)
    async with runtime.open_database(url) as database:
        async with database.transaction() as session:
            total = sum((await failures.count_since(session, since)).values())
        with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
            task = progress.add_task("Judging", total=total)
            async for items in backtest(database, before, after, since):
                result.add(items)
                progress.advance(task, len(items))
    return result


def as_data(result: Result) -> dict[str, Any]:
    """The result as JSON-ready data."""
    return {
        "failures": result.failures,
        "before": _score(result.before),
        "after": _score(result.after),
        "worse": result.after.worse_than(result.before),
        "differences": [asdict(item) for item in result.differences],
    }


def _score(score: "Score") -> dict[str, Any]:
    from pipeline_guard.stages.trials.backtest import share  # noqa: PLC0415

    return {
        "reruns": score.reruns,
        **{
            name: {"right": counted[0], "of": counted[1], "share": round(share(counted), 4)}
            for name, counted in (
                ("labels", score.labels),
                ("precision", score.precision),
                ("recall", score.recall),
            )
        },
    }


def _print(result: Result, days: int) -> None:
    from pipeline_guard.cli.runtime import print_table  # noqa: PLC0415

    shown = result.differences[:MOST_ROWS]
    title = (
        f"{len(result.differences)} of {result.failures} failures of the last {days} days differ"
        + (f" (the first {MOST_ROWS})" if len(shown) < len(result.differences) else "")
    )
    columns = ["id", "repository", "job", "before", "after", "re-run passed", "label"]
    print_table(title, columns, [_row(item) for item in shown])
    for name, before, after in (
        ("Labels right", result.before.labels, result.after.labels),
        ("Re-runs that pass, of failures called transient", result.before.precision,
         result.after.precision),
        ("Called transient, of failures whose re-run passed", result.before.recall,
         result.after.recall),
    ):  # fmt: skip
        typer.echo(f"{name}: {before[0]} of {before[1]} before, {after[0]} of {after[1]} after")
    typer.echo(f"Failures re-run: {result.before.reruns} before, {result.after.reruns} after")


def _row(item: "Compared") -> list[str]:
    passed = {True: "yes", False: "no", None: ""}[item.passed]
    told = [
        f"{said.category}{' (re-run)' if said.rerun else ''}"
        + (f" by {said.rule}" * bool(said.rule))
        for said in (item.before, item.after)
    ]
    return [str(item.failure), item.repository, item.job, *told, passed, item.label or ""]
