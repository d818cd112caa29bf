"""Money: what re-runs cost by the policy's prices of CI minutes, and what they saved."""

from dataclasses import dataclass

import pandas as pd

from pipeline_guard.analytics.healing import By, named


@dataclass(frozen=True, slots=True)
class Money:
    """What the failures that share a name cost and saved, in the currency of the prices."""

    name: str
    reruns: int
    """Re-runs that were decided where minutes had prices."""
    spent: float
    wasted: float
    """Of that, in re-runs that failed again."""
    not_spent: float
    """What one re-run of each failure that had none would have cost."""
    saved: float | None
    """People's time that was saved; None unless the policy says what an hour of it costs."""


def money(table: pd.DataFrame, by: By) -> list[Money]:
    """By one column, those that cost most first; nothing of failures decided without prices."""
    priced = table[table["money"].notna()]
    names = named(priced, by)
    found = [_money(str(name), rows) for name, rows in priced.groupby(names, sort=False)]
    return sorted(found, key=lambda item: (-item.spent, -item.not_spent, item.name))


def money_in_all(table: pd.DataFrame) -> Money | None:
    """All failures together; None where none was decided with prices."""
    priced = table[table["money"].notna()]
    return None if priced.empty else _money("all", priced)


def _money(name: str, rows: pd.DataFrame) -> Money:
    costs, rerun = rows["money"], rows["rerun"]
    worth = rows["green_saves"] / 60 * rows["hour_costs"]
    return Money(
        name,
        reruns=int(rerun.sum()),
        spent=float(costs[rerun].sum()),
        wasted=float(costs[rows["in_vain"]].sum()),
        not_spent=float(costs[~rerun].sum()),
        saved=None if worth.isna().all() else float(worth[rows["healed"]].sum()),
    )
