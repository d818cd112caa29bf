"""Cancel: stops a run whose commit a newer one has replaced."""

from collections.abc import Mapping
from typing import Any

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.runs import Run
from pipeline_guard.domain.tracker import CancelsRuns
from pipeline_guard.errors import Conflict
from pipeline_guard.remedies.base import Remedy, Request, Result


def describe(params: Mapping[str, Any]) -> str:
    """What it would do, for a dry run."""
    return f"cancel the run of {params['commit'][:10]}, which {params['head'][:10]} has replaced"


async def apply(platform: Platform, run: Run, request: Request) -> Result:
    """Cancel what still runs, if the commit is still a replaced one; twice is once."""
    if not isinstance(platform, CancelsRuns):
        return Result("failed", f"{run.platform} cancels no runs.")
    if run.completed:
        return Result("skipped", "The run is over.")
    if run.head_sha is None or run.head_sha == run.commit:
        return Result("skipped", "Its commit is the newest one again.")
    try:
        await platform.cancel(run)
    except Conflict as error:
        return Result("skipped", f"Nothing is left to cancel: {error}")
    return Result("done", "Cancelled: a newer commit has replaced this one.", run.url)


REMEDY = Remedy(
    kind="cancel",
    needs_one_of=frozenset({"cancel"}),
    params={
        "commit": "the run's commit",
        "head": "the commit that has replaced it",
    },
    risk="A run that somebody still wanted ends early.",
    undo="Run it again on the platform.",
    describe=describe,
    apply=apply,
)
