"""What `config simulate` prints: how many re-runs more or less, and every difference."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

from pipeline_guard.cli.runtime import print_table
from pipeline_guard.stages.trials.simulate import Outcome


@dataclass
class Told:
    """Counts over all failures, and those that would have come out otherwise."""

    failures: int = 0
    was: int = 0
    would_be: int = 0
    lost_heals: int = 0
    """Failures whose re-run passed and would not have been asked for."""
    differences: list[Outcome] = field(default_factory=list)

    def add(self, item: Outcome) -> None:
        """Count one more."""
        self.failures += 1
        self.was += item.was
        self.would_be += item.would_be
        self.lost_heals += item.was and not item.would_be and bool(item.failure.rerun_passed)
        if item.differs:
            self.differences.append(item)


def as_data(found: Told) -> dict[str, Any]:
    """The result as JSON-ready data."""
    return {
        "failures": found.failures,
        "rerun": {"was": found.was, "would_be": found.would_be},
        "lost_heals": found.lost_heals,
        "differences": [
            {
                "id": item.failure.id,
                "repository": item.failure.repository,
                "job": item.failure.job,
                "category": item.failure.category,
                "was": _said(was_rerun=item.was, refusals=item.refused),
                "would_be": _said(was_rerun=item.would_be, refusals=item.refuses),
            }
            for item in found.differences
        ],
    }


def told(found: Told, file: Path, days: int) -> None:
    """Print the result for people."""
    data = as_data(found)
    rows = [
        [
            str(item["id"]),
            item["repository"],
            item["job"],
            item["category"],
            item["was"],
            item["would_be"],
        ]
        for item in data["differences"]
    ]
    title = f"{len(rows)} of {found.failures} failures of the last {days} days differ with {file}"
    print_table(title, ["id", "repository", "job", "cause", "was", "would be"], rows)
    typer.echo(
        f"Failures re-run: {found.was} then, {found.would_be} with it;"
        f" {found.lost_heals} that healed would not have been re-run."
    )


def _said(*, was_rerun: bool, refusals: tuple[str, ...]) -> str:
    return "re-run" if was_rerun else f"not: {', '.join(refusals)}"
