"""Other runner: a re-run that is a new run of the workflow, with another runner as its input."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.dispatch import Dispatched, DispatchesRuns
from pipeline_guard.domain.runs import Run
from pipeline_guard.domain.tracker import CancelsRuns
from pipeline_guard.errors import PlatformError
from pipeline_guard.remedies.base import Request, Result


def describe(params: Mapping[str, Any]) -> str:
    """What it would do, for a dry run."""
    given = f"{params['input']}: {_label(params)}"
    return f"run the whole workflow anew, as a run of its own, with {given}"


async def apply(platform: Platform, run: Run, request: Request) -> Result:
    """Dispatch the workflow, unless that was done, or the run is not where the plan found it."""
    if not isinstance(platform, DispatchesRuns):
        return Result("failed", f"{run.platform} starts no run with another runner.")
    made = await platform.find_dispatched(run, request.asked_at)
    if made is None:
        if reason := _unfit(run, request):
            return reason
        inputs = {request.params["input"]: _label(request.params)}
        made = await platform.dispatch(run, inputs, request.asked_at)
    if made.commit is not None and made.commit != run.commit:
        return await _of_another_commit(platform, run, made)
    return Result("done", f"Asked to {describe(request.params)}.", made.url, made.run_id)


def _unfit(run: Run, request: Request) -> Result | None:
    """What the plan was made for is no more, or it cannot be told yet whether it was done."""
    if run.attempt > request.attempt or not run.completed:
        return Result("done", "A new attempt is under way already.", run.url)
    if request.in_doubt:
        return Result("unclear", "An earlier try was interrupted; looking again before asking.")
    if run.head_sha != run.commit:
        return Result("skipped", "A newer commit arrived before the new run was asked for.")
    if run.request is not None:
        number = run.request.number
        return Result("failed", f"Request {number} was opened, for which it would not count.")
    return None


async def _of_another_commit(platform: Platform, run: Run, made: Dispatched) -> Result:
    """The branch moved while the run was asked for: what came of it is stopped again."""
    note = "A newer commit arrived while the new run was asked for; that one "
    try:
        if isinstance(platform, CancelsRuns):
            await platform.cancel(replace(run, run_id=made.run_id))
    except PlatformError as error:  # no later try: it would look for a run of the old commit
        return Result("skipped", f"{note}could not be cancelled: {error}", made.url)
    return Result("skipped", f"{note}is cancelled.", made.url)


def _label(params: Mapping[str, Any]) -> str:
    return str(params["label"])
