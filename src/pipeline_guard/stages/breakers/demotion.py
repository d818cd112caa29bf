"""Demotion: writes into the audit when a rule is taken at its word no more, and when it is again.

Whether a rule is demoted is worked out from its outcomes whenever it is asked for; the audit itself
tells what was the case last.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.trust import RuleTrust
from pipeline_guard.policy.schema import Rules
from pipeline_guard.stages.context import Context
from pipeline_guard.stages.gather.gather import REMEMBERED
from pipeline_guard.store import audit, trust
from pipeline_guard.store.tables import Failure

DEMOTED, RESTORED = "rule.demoted", "rule.restored"

log = structlog.get_logger(__name__)


async def note_outcomes(
    context: Context, session: AsyncSession, settled: Iterable[Failure]
) -> None:
    """Take note of what the outcomes of these failures mean for the rules that named them."""
    rules = {
        (item.rule, item.rule_version)
        for item in settled
        if item.transient and item.rule is not None and item.rule_version is not None
    }
    if not rules:
        return
    await session.flush()  # the outcomes are to be counted
    limits = (await context.policies.operator()).rules
    since = datetime.now(UTC) - REMEMBERED
    for rule, version in sorted(rules):
        await note(session, await trust.of_rule(session, rule, version, since), limits)


async def note(session: AsyncSession, known: RuleTrust, limits: Rules) -> None:
    """Write an entry if the rule was demoted by its newest outcomes, or is no more."""
    is_demoted = known.demoted(limits.floor, limits.outcomes)
    if await _was_demoted(session, known) == is_demoted:
        return
    await audit.one_by_one(session, _subject(known))
    if await _was_demoted(session, known) == is_demoted:
        return  # another worker was faster
    audit.record(
        session,
        audit.BOT,
        DEMOTED if is_demoted else RESTORED,
        _subject(known),
        {
            "version": known.version,
            "right": known.right,
            "outcomes": len(known.outcomes),
            "precision": round(known.precision, 2),
            "floor": limits.floor,
        },
    )
    log.warning("rule_demoted" if is_demoted else "rule_restored", rule=known.rule,
                right=known.right, outcomes=len(known.outcomes))  # fmt: skip


async def _was_demoted(session: AsyncSession, known: RuleTrust) -> bool:
    newest = await audit.newest(session, _subject(known), (DEMOTED, RESTORED))
    return newest is not None and newest.action == DEMOTED


def _subject(known: RuleTrust) -> str:
    return f"rule:{known.rule}"
