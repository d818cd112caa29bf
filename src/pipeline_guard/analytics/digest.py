"""The week in short: what happened in the last seven days, beside the seven before."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from pipeline_guard.analytics.healing import Totals, totals

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Mover:
    """A category whose failures became many more or fewer."""

    category: str
    now: int
    before: int


@dataclass(frozen=True, slots=True)
class Digest:
    """One week and the one before it."""

    now: Totals
    before: Totals
    movers: tuple[Mover, ...]
    """The categories that changed most, the largest change first."""
    new: int
    """Fingerprints that the weeks before it in the table had never shown."""


def digest(table: pd.DataFrame, now: datetime) -> Digest:
    """The last seven days of the table; it should reach back further, to tell what is new."""
    start = pd.Timestamp(now - WEEK)
    this = table[table["created_at"] >= start]
    last = table[(table["created_at"] < start) & (table["created_at"] >= start - WEEK)]
    counts, old = this["category"].value_counts(), last["category"].value_counts()
    names = {str(name) for name in (*counts.index, *old.index)}
    movers = [Mover(name, int(counts.get(name, 0)), int(old.get(name, 0))) for name in names]
    movers = [item for item in movers if item.now != item.before]
    movers.sort(key=lambda item: (-abs(item.now - item.before), item.category))
    earlier = set(table.loc[table["created_at"] < start, "fingerprint"])
    return Digest(
        totals(this),
        totals(last),
        tuple(movers[:3]),
        len(set(this["fingerprint"]) - earlier - {""}),
    )
