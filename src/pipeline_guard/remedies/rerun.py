"""Re-run: asks the platform for a new attempt of what failed, once, or for a new run elsewhere."""

from collections.abc import Mapping
from typing import Any, Final

from pipeline_guard.domain.capabilities import Platform, RerunScope
from pipeline_guard.domain.dispatch import OTHER_RUNNER
from pipeline_guard.domain.runs import Run
from pipeline_guard.errors import Conflict
from pipeline_guard.remedies import other_runner
from pipeline_guard.remedies.base import Remedy, Request, Result

SCOPES: Final[dict[RerunScope, str]] = {
    "failed_jobs": "re-run the failed jobs",
    "job": "re-run this one job",
    "run": "re-run the whole run",
}


def describe(params: Mapping[str, Any]) -> str:
    """What it would do, for a dry run."""
    if params["scope"] == OTHER_RUNNER:
        return other_runner.describe(params)
    said = SCOPES[params["scope"]]
    return f"{said}, with debug logging" if params.get("debug") else said


async def apply(platform: Platform, run: Run, request: Request) -> Result:
    """Re-run what the request's scope says, if the run is still where the plan found it.

    A newer attempt, or one under way, means that somebody (perhaps we, before a crash) has asked
    already; a newer commit means that nobody needs it any more.
    """
    if request.params["scope"] == OTHER_RUNNER:
        return await other_runner.apply(platform, run, request)
    if run.attempt > request.attempt or not run.completed:
        return Result("done", "A new attempt is under way already.", run.url)
    if request.in_doubt:
        return Result("unclear", "An earlier try was interrupted; looking again before asking.")
    if run.head_sha is not None and run.commit is not None and run.head_sha != run.commit:
        return Result("skipped", "A newer commit arrived before the re-run was asked for.")
    scope: RerunScope = request.params["scope"]
    job = next((item for item in run.jobs if item.id == request.params.get("job")), None)
    try:
        answer = await platform.rerun(run, scope, job, debug=bool(request.params.get("debug")))
    except Conflict as error:
        return Result("done", f"The platform is at it already: {error}", run.url)
    return Result("done", f"Asked to {describe(request.params)}.", answer.url, answer.external_id)


REMEDY = Remedy(
    kind="rerun",
    needs_one_of=frozenset({"rerun_run", "rerun_failed_jobs", "rerun_job"}),
    params={
        "scope": "failed jobs, one job, the whole run, or a new run on another runner",
        "job": "the one job's id",
        "debug": "with debug logging",
        "input": "the workflow's input that names the other runner",
        "label": "what that input is given",
        "wait": "seconds to wait before",
        "minutes": "CI minutes that it is expected to take",
        "money": "what those cost",
    },
    risk="Costs CI minutes, and side effects of the jobs happen again.",
    undo="Cancel the new attempt or run on the platform; what it did by then stays done.",
    describe=describe,
    apply=apply,
)
