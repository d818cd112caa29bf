"""Replace: what an older commit left open ends once its job has run at the newest commit."""

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.events import known_run
from pipeline_guard.domain.runs import Run
from pipeline_guard.stages.breakers.limits import within_limits
from pipeline_guard.stages.context import Context, report_lock, run_key
from pipeline_guard.stages.follow_up.follow_up import passed_in
from pipeline_guard.stages.measure import stage
from pipeline_guard.stages.report.report import report_request
from pipeline_guard.store import comments, failures


async def replace_older(context: Context, session: AsyncSession, run: Run) -> None:
    """Mark as superseded what a completed run at the newest commit has given a newer word on.

    Where a platform does not tell the newest commit nothing is: the run may be the older one.
    """
    if run.commit is None or run.head_sha != run.commit:
        return
    older = await failures.open_before(session, run)
    answered = [item for item in older if passed_in(item.job, run) is not None]
    for item in answered:
        item.status = "superseded"
    if answered and run.request is not None and not run.failed_jobs:
        args = run_key(run) | {"request": run.request.number}
        await context.queue.defer(session, "report_green", args, lock=report_lock(run))


@stage("report")
@within_limits
async def report_green(
    context: Context, platform: str, repository: str, run_id: str, request: int
) -> None:
    """Have the comment of a request speak of its newest commit, once nothing older is open.

    Raises PlatformError when it is worth another try later.
    """
    adapter = context.platform(platform).platform
    run = await adapter.read_run(known_run(platform, repository, run_id, request))
    found = run.request
    if found is None or found.number != request or run.head_sha != run.commit:
        return  # Closed, or a newer commit has the word now.
    policy = (await context.policies.of_run(adapter, run)).of_job("").policy
    if not policy.enabled or policy.mode == "observe":
        return
    async with context.database.transaction() as session:
        known = await comments.get(session, platform, repository, request)
        left = await failures.open_before(session, run, any_workflow=True)
    if known is not None and not left:
        await report_request(context, platform, repository, found, run.commit)
