"""Proposals: looks now and then what people did with the requests and issues that we made.

Read from the platform, so that it needs no events of requests and issues to be sent to us.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.changes import ProposesChanges
from pipeline_guard.domain.plan import ProposalOutcome
from pipeline_guard.domain.tracker import KeepsIssues
from pipeline_guard.errors import NotFound, PlatformError
from pipeline_guard.remedies.issue import OVER
from pipeline_guard.stages.context import Context
from pipeline_guard.store import audit, proposals, sweeps
from pipeline_guard.store.proposals import Standing

EVERY: Final = timedelta(minutes=15)
"""How often one repository's proposals are looked at."""
MOST_REPOSITORIES: Final = 20
MOST_PROPOSALS: Final = 50
"""Of one repository, the newest first: each is one call."""
LONG_AGO: Final = timedelta(days=30)

log = structlog.get_logger(__name__)


async def look_after(context: Context, platform: str, now: datetime) -> None:
    """Write down what became of a platform's standing proposals, those looked at longest ago first.

    Raises PlatformError when the platform is to be left alone for a while.
    """
    async with context.database.transaction() as session:
        starts = dict.fromkeys(await proposals.repositories(session, platform), now - LONG_AGO)
        due = await sweeps.due(session, sweeps.PROPOSALS, platform, starts, MOST_REPOSITORIES)
    for repository, looked in due:
        if now - looked < EVERY:
            break  # the others were looked at later still
        await _look(context, platform, repository)
        async with context.database.transaction() as session:
            await sweeps.advance(session, sweeps.PROPOSALS, platform, repository, now, 0)


async def _look(context: Context, platform: str, repository: str) -> None:
    adapter = context.platform(platform).platform
    async with context.database.transaction() as session:
        found = await proposals.standing(session, platform, repository, MOST_PROPOSALS)
    for one in found:
        try:
            outcome = await _outcome(adapter, repository, one)
        except PlatformError as error:
            if error.worth_retry:
                raise
            log.warning("proposal_unreadable", repository=repository, error=str(error))
            return  # not ours to see now: the others of the repository neither
        if outcome is not None:
            await _settle(context, platform, repository, one, outcome)


async def _outcome(adapter: Platform, repository: str, one: Standing) -> ProposalOutcome | None:
    """What became of it; None while it is open, and where it cannot be told."""
    try:
        if one.kind != "issue" and isinstance(adapter, ProposesChanges):
            request = await adapter.changes(repository).request(one.number)
            return None if request.state == "open" else request.state
        if one.kind == "issue" and isinstance(adapter, KeepsIssues):
            issue = await adapter.issues(repository).read(one.number)
            if issue.is_open or OVER in issue.body:
                return None  # what we closed ourselves is settled where that is done
            return "not_planned" if issue.not_planned else "closed"
    except NotFound:
        return "gone"
    return None


async def _settle(
    context: Context, platform: str, repository: str, one: Standing, outcome: ProposalOutcome
) -> None:
    async with context.database.transaction() as session:
        settled = await proposals.settle(session, one.actions, outcome)
        if not settled:
            return
        details = {"number": one.number, "actions": list(settled)}
        # Whose hand it was the platform does not say here; it was not ours.
        audit.record(
            session, platform, f"{one.kind}.{outcome}", f"{platform}:{repository}", details
        )
    context.telemetry.metrics.outcomes.labels(platform, one.kind, outcome).inc()
    log.info("proposal_ended", repository=repository, kind=one.kind, number=one.number,
             outcome=outcome)  # fmt: skip
