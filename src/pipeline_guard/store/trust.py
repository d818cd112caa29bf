"""Trust: what came of the re-runs that each rule has asked for, and what people say to it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.trust import WINDOW, RuleTrust
from pipeline_guard.store.tables import PLANNED_RERUN, Failure

_SAID: Final = """(
    SELECT labels.category FROM labels WHERE failure_id = failures.id
    ORDER BY labels.id DESC LIMIT 1
)"""
_COLUMNS: Final = "failures.id, rule, rule_version, failures.category, next_passed"
_JUDGED: Final = "transient AND rule_version IS NOT NULL AND failures.created_at >= :since"
_OUTCOMES: Final = """
WITH known AS (
    SELECT {columns} FROM failures WHERE {judged} AND {which} AND next_passed IS NOT NULL
    UNION
    SELECT {columns} FROM failures JOIN labels ON labels.failure_id = failures.id
    WHERE {judged} AND {which} AND next_passed IS NULL AND {said} <> failures.category
), newest AS (
    SELECT *, row_number() OVER (PARTITION BY rule, rule_version ORDER BY id DESC) AS place
    FROM known
)
SELECT rule, rule_version,
       array_agg(next_passed IS TRUE AND coalesce({said} = category, true) ORDER BY id DESC)
FROM newest AS failures WHERE place <= :window GROUP BY rule, rule_version ORDER BY max(id)
"""
"""A label that confirms the category of a failure that was not re-run proves nothing."""


async def of_rule(session: AsyncSession, rule: str, version: str, since: datetime) -> RuleTrust:
    """What is known of a rule at that version of its text."""
    found = {item.version: item for item in await _outcomes(session, rule, since)}
    newest = select(func.max(Failure.created_at)).where(
        Failure.created_at >= since,
        text(PLANNED_RERUN),
        Failure.rule == rule,
        Failure.rule_version == version,
    )
    last = (await session.execute(newest)).scalar_one()
    known = found.get(version, RuleTrust(rule, version))
    return RuleTrust(rule, version, known.outcomes, last)


async def of_all(session: AsyncSession, since: datetime) -> Mapping[str, RuleTrust]:
    """By rule, its newest version of which any outcome is known."""
    return {item.rule: item for item in await _outcomes(session, None, since)}


async def _outcomes(session: AsyncSession, rule: str | None, since: datetime) -> list[RuleTrust]:
    """Rules with outcomes, those whose newest outcome is the oldest first."""
    which = "rule IS NOT NULL" if rule is None else "rule = :rule"
    query = _OUTCOMES.format(columns=_COLUMNS, judged=_JUDGED, said=_SAID, which=which)
    values = {"since": since, "window": WINDOW} | ({"rule": rule} if rule else {})
    rows = await session.execute(text(query), values)
    return [RuleTrust(row[0], row[1], tuple(row[2])) for row in rows]
