"""Retention: how long each kind of record is kept, and deleting what is older, in small batches."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.store.sweeps import PRUNE, advance
from pipeline_guard.store.tables import Sweep

BATCH: Final = 500
"""Rows that one transaction deletes: short locks, and little to do again after a crash."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Days that records are kept after they last changed."""

    deliveries: int = 30
    failures: int = 180
    logs: int = 30
    queue: int = 7


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rows of a table may go once they are older than `limit` of Keep says."""

    limit: str
    is_done: str
    """SQL over the row; :before is the moment that it must be older than."""


RULES: Final[Mapping[str, Rule]] = {
    # An accepted delivery is still to be worked on, however old.
    "deliveries": Rule(
        "deliveries", "status <> 'accepted' AND coalesce(processed_at, received_at) < :before"
    ),
    "redeliveries": Rule("deliveries", "status <> 'open' AND tried_at < :before"),
    "job_logs": Rule("logs", "created_at < :before"),
    "changes": Rule("queue", "at < :before"),
    # A person's label is training data that nothing can bring back.
    "failures": Rule(
        "failures",
        "status <> 'healing' AND updated_at < :before"
        " AND NOT EXISTS (SELECT FROM labels WHERE failure_id = failures.id)",
    ),
    "actions": Rule(
        "failures",
        "coalesce(finished_at, created_at) < :before"
        " AND NOT EXISTS (SELECT FROM action_failures WHERE action_id = actions.id)",
    ),
    "incidents": Rule("failures", "status = 'closed' AND closed_at < :before"),
    "commands": Rule("failures", "created_at < :before"),
    "comments": Rule("failures", "updated_at < :before"),
    "checks": Rule("failures", "updated_at < :before"),
    "notices": Rule("failures", "created_at < :before"),
    "procrastinate_jobs": Rule(
        "queue",
        "status NOT IN ('todo', 'doing') AND NOT EXISTS (SELECT FROM procrastinate_events"
        " WHERE job_id = procrastinate_jobs.id AND at >= :before)",
    ),
}
"""In this order: an action goes when the last failure that it was meant for is gone."""

KEPT: Final[Mapping[str, str]] = {
    "action_failures": "goes with its failure",
    "job_log_chunks": "go with their log",
    "labels": "training data",
    "audit": "who did what: append-only, to be exported",
    "tokens": "one row a token; a revoked one is part of who did what",
    "registrations": "one row a platform, in force",
    "platform_limits": "one row a platform",
    "sign_ins": "the next sign-in deletes what has run out",
    "tickets": "the next one deletes what has run out",
    "switches": "one row a repository, in force until somebody changes it",
    "repositories": "one row a repository",
    "sweeps": "one row a list that is read",
}
"""Tables that no limit is for, and why."""


async def overdue(session: AsyncSession, keep: Keep, now: datetime) -> dict[str, int]:
    """How many rows of each table would be deleted now."""
    found = {}
    for table, rule in RULES.items():
        query = text(f"SELECT count(*) FROM {table} WHERE {rule.is_done}")  # noqa: S608  # nosec B608
        found[table] = (await session.execute(query, _bound(rule, keep, now))).scalar_one()
    return found


async def delete_batch(session: AsyncSession, table: str, keep: Keep, now: datetime) -> int:
    """Delete up to BATCH overdue rows of a table, and count them; returns how many.

    Rows that another transaction holds are left for the next round.
    """
    rule = RULES[table]
    statement = text(
        f"DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table}"  # noqa: S608  # nosec B608
        f" WHERE {rule.is_done} LIMIT {BATCH} FOR UPDATE SKIP LOCKED)) RETURNING 1"
    )
    rows = await session.execute(statement, _bound(rule, keep, now))
    deleted = len(rows.all())
    if deleted:
        await advance(session, PRUNE, "", table, datetime.now(UTC), deleted)
    return deleted


async def count_deleted(session: AsyncSession) -> dict[tuple[str], int]:
    """How many rows of each table were ever deleted by age."""
    query = select(Sweep.scope, func.sum(Sweep.found)).where(Sweep.what == PRUNE, Sweep.scope != "")
    rows = await session.execute(query.group_by(Sweep.scope))
    return {(row[0],): int(row[1]) for row in rows}


def _bound(rule: Rule, keep: Keep, now: datetime) -> dict[str, datetime]:
    return {"before": now - timedelta(days=getattr(keep, rule.limit))}
