"""Flaky tests: those that failed and passed at the same commit, ranked by what they cost."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pandas as pd

WEEKS: Final = 6
"""Weeks of the trend."""
WEEK_SECONDS: Final = 7 * 24 * 3600
MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Flaky:
    """A test that failed where an unchanged re-run passed."""

    test: str
    repository: str
    flaked: int
    """Failures after which the same job passed at the same commit."""
    failed: int
    """All failures of the test."""
    minutes: float
    """CI minutes of the jobs that it turned red for nothing."""
    last: datetime
    weeks: tuple[int, ...]
    """How often it flaked in each of the last weeks, the oldest first."""

    @property
    def trend(self) -> int:
        """Positive when the newer half of the weeks saw more of it than the older one."""
        half = len(self.weeks) // 2
        return sum(self.weeks[half:]) - sum(self.weeks[:half])


def flaky(table: pd.DataFrame, now: datetime) -> list[Flaky]:
    """The flakiest tests, those that flaked most often first."""
    tests = table[table["failed_tests"].map(bool).astype("bool")].explode("failed_tests")
    found: list[Flaky] = []
    for (repository, test), rows in tests.groupby(["repository", "failed_tests"], sort=False):
        flakes = rows[rows["passed"]]
        if flakes.empty:
            continue
        age = (pd.Timestamp(now) - flakes["created_at"]).dt.total_seconds() // WEEK_SECONDS
        found.append(
            Flaky(
                str(test),
                str(repository),
                len(flakes),
                len(rows),
                float(flakes["minutes"].fillna(0.0).sum()),
                flakes["created_at"].max().to_pydatetime(),
                tuple(int((age == week).sum()) for week in range(WEEKS - 1, -1, -1)),
            )
        )
    found.sort(key=lambda item: (-item.flaked, -item.minutes, item.test))
    return found[:MOST]
