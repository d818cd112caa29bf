"""Tidy: a green run takes back what it has made untrue, the labels and the issues of ours.

Marks on flaky tests whose day is over are proposed to be taken out with it.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.events import known_run
from pipeline_guard.domain.runs import Run
from pipeline_guard.domain.tracker import KeepsIssues, KeepsLabels
from pipeline_guard.errors import PlatformError
from pipeline_guard.remedies.issue import close
from pipeline_guard.stages.context import Context, lock_of, run_key
from pipeline_guard.stages.follow_up.lift import lift
from pipeline_guard.stages.gather.policies import RunPolicy
from pipeline_guard.stages.measure import stage
from pipeline_guard.store import audit, switches, tracker
from pipeline_guard.store.tracker import Kept

log = structlog.get_logger(__name__)


async def look_for_work(context: Context, session: AsyncSession, run: Run) -> None:
    """Defer the tidying after a completed run, if jobs passed and anything of ours stands."""
    if not any(job.conclusion == "success" for job in run.jobs) and run.conclusion != "success":
        return
    if await tracker.anything_stands(session, run.platform, run.repository):
        args = run_key(run) | {"request": run.request.number if run.request else None}
        await context.queue.defer(session, "tidy", args, lock=lock_of(run))


@stage("tidy")
async def tidy(
    context: Context, platform: str, repository: str, run_id: str, request: int | None = None
) -> None:
    """Take off labels of a request that is green, close issues that stopped happening.

    Raises PlatformError when it is worth another try later; done twice it is done once.
    """
    adapter = context.platform(platform).platform
    run = await adapter.read_run(known_run(platform, repository, run_id, request))
    policy = await context.policies.of_run(adapter, run)
    async with context.database.transaction() as session:
        if not run.completed or await switches.off_by(session, platform, repository):
            return
        labels = await _outdated_labels(session, run)
        issues = await _ended_issues(session, run, policy)
    try:
        await _take_off(context, adapter, run, labels)
        await _close(context, adapter, run, issues)
        await lift(context, adapter, run, policy)
    except PlatformError as error:
        if error.worth_retry:
            raise
        log.warning("not_tidied", repository=repository, run=run_id, error=str(error))


async def _outdated_labels(session: AsyncSession, run: Run) -> dict[str, list[Kept]]:
    """By label, what stands for the run's workflow alone, which is green at the newest commit."""
    if run.request is None or run.conclusion != "success" or run.head_sha not in (None, run.commit):
        return {}
    by_label: dict[str, list[Kept]] = defaultdict(list)
    for kept in await tracker.standing_labels(session, run, run.request.number):
        by_label[kept.params["label"]].append(kept)
    return {
        label: found
        for label, found in by_label.items()
        if all(kept.workflow == run.workflow for kept in found)
    }


async def _take_off(
    context: Context, adapter: Platform, run: Run, labels: dict[str, list[Kept]]
) -> None:
    if not labels or run.request is None or not isinstance(adapter, KeepsLabels):
        return
    home, number = run.request.repository or run.repository, run.request.number
    await adapter.change_labels(home, number, [], sorted(labels))
    async with context.database.transaction() as session:
        for found in labels.values():
            await _settle(session, run, found, "label.removed", {"request": number})


async def _ended_issues(
    session: AsyncSession, run: Run, policy: RunPolicy
) -> dict[str, list[Kept]]:
    """By fingerprint, the issues whose jobs have passed now and that were quiet long enough."""
    if run.request is not None:
        return {}
    by_fingerprint: dict[str, list[Kept]] = defaultdict(list)
    for kept in await tracker.standing_issues(session, run):
        by_fingerprint[kept.fingerprint].append(kept)
    ended = {}
    for fingerprint, found in by_fingerprint.items():
        ours = [kept for kept in found if kept.workflow == run.workflow]
        if not ours or not all(_passed(run, kept.job) for kept in ours):
            continue
        quiet = timedelta(days=policy.of_job(ours[0].job).policy.issue.quiet_days)
        seen = await tracker.last_seen(session, run, fingerprint)
        if seen is None or datetime.now(UTC) - seen >= quiet:
            ended[fingerprint] = found
    return ended


def _passed(run: Run, job: str) -> bool:
    conclusions = [item.conclusion for item in run.jobs if item.name == job]
    return "success" in conclusions or (not conclusions and run.conclusion == "success")


async def _close(
    context: Context, adapter: Platform, run: Run, issues: dict[str, list[Kept]]
) -> None:
    if not isinstance(adapter, KeepsIssues):
        return
    for fingerprint, found in issues.items():
        why = f"{found[0].job} passed on {run.branch} at {(run.commit or '')[:10]}, and it was"
        closed = await close(
            adapter.issues(run.repository), fingerprint, f"{why} not seen for a while before."
        )
        number = {"issue": closed.number} if closed else {}
        async with context.database.transaction() as session:
            await _settle(session, run, found, "issue.closed", number)


async def _settle(
    session: AsyncSession, run: Run, found: Sequence[Kept], action: str, details: dict[str, int]
) -> None:
    await tracker.settle(session, sorted({kept.action for kept in found}))
    audit.record(session, audit.BOT, action, f"{run.platform}:{run.repository}", dict(details))
