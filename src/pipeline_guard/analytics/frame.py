"""The table that every analysis works on: one row a failure."""

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

COLUMNS: Final = (
    "id",
    "platform",
    "repository",
    "job",
    "category",
    "rule",
    "fingerprint",
    "status",
    "transient",
    "created_at",
    "settled_at",
    "rerun_passed",
    "rerun",
    "minutes",
    "green_saves",
    "money",
    "hour_costs",
    "failed_tests",
)
"""`rerun`: one was asked for. `minutes`: what the job took. `green_saves`: what a green without a
person is worth in minutes of a person, by the policy the failure was decided under. `money`: what
a re-run costs by that policy's prices, None without any; `hour_costs`: what it says an hour of a
person costs, None where it says nothing."""


def frame(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """The rows, each with the values of COLUMNS, typed, and what most analyses derive from them.

    `healed` and `in_vain`: a re-run of ours passed, or failed again. `to_green`: minutes from red
    to the passing attempt's end.
    """
    table = pd.DataFrame.from_records(list(rows), columns=list(COLUMNS))
    for name in ("created_at", "settled_at"):
        table[name] = pd.to_datetime(table[name], utc=True)
    for name in ("minutes", "green_saves", "money", "hour_costs"):
        table[name] = pd.to_numeric(table[name]).astype("float64")
    table["rerun"] = table["rerun"].astype("bool")
    passed, failed = table["rerun_passed"].eq(True), table["rerun_passed"].eq(False)
    table["passed"] = passed.fillna(False).astype("bool")
    table["healed"] = table["rerun"] & table["passed"]
    table["in_vain"] = table["rerun"] & failed.fillna(False).astype("bool")
    waited = (table["settled_at"] - table["created_at"]).dt.total_seconds() / 60
    table["to_green"] = waited.where(table["passed"]).clip(lower=0)
    return table
