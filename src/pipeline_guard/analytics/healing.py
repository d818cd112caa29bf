"""Healing: how many re-runs passed, how soon it was green, and what that cost and saved."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

import pandas as pd

By = Literal["category", "repository", "rule", "platform"]
NO_RULE: Final = "(the model)"


@dataclass(frozen=True, slots=True)
class Group:
    """What came of the failures that share a category, a repository, a rule or a platform."""

    name: str
    failures: int
    healed: int
    in_vain: int
    to_green: float | None
    """Median minutes from red to green, of what became green."""

    @property
    def rate(self) -> float | None:
        """Share of ended re-runs that passed; None before the first has ended."""
        ended = self.healed + self.in_vain
        return self.healed / ended if ended else None


@dataclass(frozen=True, slots=True)
class Totals:
    """All failures together, with what re-runs took and gave back, in minutes."""

    all: Group
    reruns: int
    spent: float
    """CI minutes of re-runs: each counted with what its job took before."""
    wasted: float
    """Of those, in re-runs that failed again."""
    saved: float
    """Minutes of people: per healed failure, what the policy says a green is worth."""
    not_spent: float
    """CI minutes that re-running every failure once would have taken beyond what was spent."""


@dataclass(frozen=True, slots=True)
class Day:
    """Failures of one UTC day by what came of them."""

    day: date
    healed: int
    person: int
    other: int
    minutes_healed: float
    """CI minutes of re-runs that passed, …"""
    minutes_wasted: float
    """… and of those that failed again."""
    money_healed: float
    """What the minutes cost where they had prices, as above, …"""
    money_wasted: float
    """… and in vain."""


def groups(table: pd.DataFrame, by: By) -> list[Group]:
    """What came of failures, by one column; those with most failures first."""
    found = [_group(str(name), rows) for name, rows in table.groupby(named(table, by), sort=False)]
    return sorted(found, key=lambda item: (-item.failures, item.name))


def named(table: pd.DataFrame, by: By) -> "pd.Series[str]":
    """What each failure is counted under."""
    return table[by].fillna(NO_RULE)


def totals(table: pd.DataFrame) -> Totals:
    """All failures together."""
    minutes = table["minutes"].fillna(0.0)
    spent = float(minutes[table["rerun"]].sum())
    return Totals(
        all=_group("all", table),
        reruns=int(table["rerun"].sum()),
        spent=spent,
        wasted=float(minutes[table["in_vain"]].sum()),
        saved=float(table.loc[table["healed"], "green_saves"].fillna(0.0).sum()),
        not_spent=float(minutes[~table["rerun"]].sum()),
    )


def per_day(table: pd.DataFrame, now: datetime, days: int) -> list[Day]:
    """Each of the last `days` days, the oldest first, those without failures included."""
    of_day = table["created_at"].dt.date
    minutes, money = table["minutes"].fillna(0.0), table["money"].fillna(0.0)
    person = table["status"].isin(["open", "escalated"])
    found: list[Day] = []
    for back in range(days - 1, -1, -1):
        day = (now - timedelta(days=back)).date()
        own = of_day == day
        gained, lost = own & table["healed"], own & table["in_vain"]
        healed = int((own & (table["status"] == "healed")).sum())
        needs = int((own & person).sum())
        other = int(own.sum()) - healed - needs
        found.append(
            Day(
                day,
                healed,
                needs,
                other,
                *(
                    float(spent[which].sum())
                    for spent in (minutes, money)
                    for which in (gained, lost)
                ),
            )
        )
    return found


def _group(name: str, rows: pd.DataFrame) -> Group:
    to_green = rows["to_green"].median()
    return Group(
        name,
        len(rows),
        int(rows["healed"].sum()),
        int(rows["in_vain"].sum()),
        None if pd.isna(to_green) else float(to_green),
    )
