"""Earlier attempts: what failed before anybody told us, where a run was re-run meanwhile.

A run is read at its newest attempt. One that went red, was re-run by a person or the platform and
turned green before we came would leave no trace: not in history, nor among the flaky tests.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.plan import Plan
from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.errors import PlatformError
from pipeline_guard.stages.context import Context
from pipeline_guard.stages.decide.decide import overtaken
from pipeline_guard.stages.gather.gather import Ready, gather
from pipeline_guard.stages.gather.policies import RunPolicy
from pipeline_guard.store import failures

MOST_ATTEMPTS: Final = 3
"""Earlier attempts that are read at once, the newest of them."""
MOST_JOBS: Final = 10
"""Failed jobs of an earlier attempt whose logs are read: nobody waits for these."""


def unknown(newest: int, known: Collection[int]) -> list[int]:
    """The attempts to read before the newest, oldest first.

    Those before one of which a failure is known were read when that was stored.
    """
    first = max(1, newest - MOST_ATTEMPTS, max(known, default=0) + 1)
    return list(range(first, newest))


async def missed(context: Context, platform: Platform, run: Run) -> list[tuple[Run, list[Job]]]:
    """Earlier attempts with their failed jobs of which nothing is stored, oldest first.

    Raises PlatformError when it is worth another try later; else the newest attempt is enough.
    """
    if run.attempt == 1:
        return []
    async with context.database.transaction() as session:
        known = await failures.of_run(session, run.platform, run.repository, run.run_id)
    # Counted by job, the first try of one may be younger than the second one of another.
    by_job = any(job.tries is not None for job in run.jobs)
    attempts = unknown(run.attempt, () if by_job else {item.run_attempt for item in known})
    if not attempts:
        return []
    try:
        found = await platform.earlier(run, attempts)
    except PlatformError as error:
        if error.worth_retry:
            raise
        return []
    ids = {item.job_id for item in known} | {job.id for job in run.jobs}
    since = (run.finished_at or datetime.now(UTC)) - timedelta(days=context.keep.failures)
    pairs = [
        (item, [job for job in item.failed_jobs if job.id not in ids][:MOST_JOBS])
        for item in found
        if item.finished_at is None or item.finished_at >= since
    ]
    return [(item, jobs) for item, jobs in pairs if jobs]


async def store(
    session: AsyncSession,
    platform: Platform,
    policy: RunPolicy,
    run: Run,
    newest: int,
    failed: Sequence[tuple[Job, Diagnosis]],
) -> list[tuple[int | None, Plan]]:
    """Store the failures of an earlier attempt; its plans do nothing, and say why."""
    now = datetime.now(UTC)
    ready = Ready(run, policy, identity=None, missing_right=None)
    made = []
    for item in await gather(session, platform, ready, failed, now, anew=True):
        plan = item.kept_with(overtaken(item.case, newest))
        facts = item.case.facts
        at = facts.job.finished_at or run.finished_at
        number = await failures.add(session, run, facts.job, facts.diagnosis, plan, at=at)
        made.append((number, plan))
    return made
