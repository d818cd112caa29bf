"""Digest: once a day, what the last 24 hours brought, for receivers that asked for it."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from pipeline_guard.domain.notices import Notice
from pipeline_guard.stages.context import Context
from pipeline_guard.stages.report.notices import note_down, of_repository
from pipeline_guard.store import notices
from pipeline_guard.store.notices import Tally

HOUR: Final = 6
"""UTC: from then on the day's digest is sent, by whichever worker looks first."""
MAX_LINES: Final = 5


async def digest(context: Context, now: datetime) -> int:
    """Note down the day's digest for each receiver that has none yet; how many there were."""
    targets = {
        name: target
        for name, target in (await context.policies.targets()).items()
        if "digest" in target.when
    }
    if not targets or now.hour < HOUR:
        return 0
    added = 0
    async with context.database.transaction() as session:
        tallies = await notices.tallies(session, now - timedelta(days=1))
        for name, target in targets.items():
            ours = [item for item in tallies if of_repository(target, (item.repository,))]
            added += await note_down(context, session, name, digest_of(ours, now))
    return added


def digest_of(tallies: Iterable[Tally], now: datetime) -> Notice:
    """The digest in words: totals, then what failed most."""
    found = list(tallies)
    by_status: Counter[str] = Counter()
    for item in found:
        by_status[item.status] += item.count
    total = by_status.total()
    told = ", ".join(f"{count} {status}" for status, count in by_status.most_common())
    most: Counter[tuple[str, str, str]] = Counter()
    for item in found:
        most[item.repository, item.job, item.category] += item.count
    lines = [
        f"{repository}: {job} ({category}), {'once' if count == 1 else f'{count} times'}"
        for (repository, job, category), count in most.most_common(MAX_LINES)
    ]
    return Notice(
        key=f"digest/{now:%Y-%m-%d}",
        kind="digest",
        title=f"{total} failure{'' if total == 1 else 's'} in 24 hours"
        + (f": {told}" if told else ""),
        repositories=tuple(sorted({item.repository for item in found})),
        lines=tuple(lines),
        facts=tuple((status, str(count)) for status, count in sorted(by_status.items())),
    )
