"""Counts over the whole history, for statistics and metrics."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store import actions, deliveries, failures
from pipeline_guard.store.tables import Action

RECENT = timedelta(days=7)


async def stats(session: AsyncSession) -> dict[str, Any]:
    """Totals by category, status and outcome, and the share of re-runs that healed."""
    found = await failures.count_by(session)
    done = await actions.count_by(session)
    by_category: dict[str, int] = {}
    by_status: dict[str, int] = {}
    for (_, category, _, status), count in found.items():
        by_category[category] = by_category.get(category, 0) + count
        by_status[status] = by_status.get(status, 0) + count
    outcomes: dict[str, int] = {}
    for (_, kind, _, outcome), count in done.items():
        if kind == "rerun":
            name = outcome or "undecided"
            outcomes[name] = outcomes.get(name, 0) + count
    ended = outcomes.get("healed", 0) + outcomes.get("failed_again", 0)
    received: dict[str, int] = {}
    for (_, status), count in (await deliveries.count_by_status(session)).items():
        received[status] = received.get(status, 0) + count
    return {
        "failures": {
            "total": sum(by_status.values()),
            "by_category": by_category,
            "by_status": by_status,
        },
        "reruns": {
            "total": sum(outcomes.values()),
            "by_outcome": outcomes,
            "heal_rate": outcomes.get("healed", 0) / ended if ended else None,
        },
        "deliveries": {"total": sum(received.values()), "by_status": received},
    }


async def rerun_success(session: AsyncSession) -> dict[tuple[str], float]:
    """By platform: of the re-runs asked for in RECENT that ended, the share that healed."""
    healed = func.count().filter(Action.outcome == "healed")
    query = (
        select(Action.platform, healed * 1.0 / func.count())
        .where(
            Action.kind == "rerun",
            Action.outcome.in_(("healed", "failed_again")),
            Action.finished_at >= datetime.now(UTC) - RECENT,
        )
        .group_by(Action.platform)
    )
    return {(platform,): float(share) for platform, share in await session.execute(query)}


async def queue_depth(session: AsyncSession) -> dict[str, tuple[int, float]]:
    """Jobs by state that are not finished: (how many, seconds the oldest due one has waited)."""
    rows = await session.execute(
        text(
            "SELECT job.status::text, count(*),"
            " coalesce(max(extract(epoch FROM now() - coalesce(job.scheduled_at, event.at))), 0)"
            " FROM procrastinate_jobs job JOIN procrastinate_events event"
            " ON event.job_id = job.id AND event.type = 'deferred'"
            " WHERE job.status IN ('todo', 'doing')"
            " AND coalesce(job.scheduled_at, event.at) <= now() GROUP BY 1"
        )
    )
    return {status: (count, float(age)) for status, count, age in rows}
