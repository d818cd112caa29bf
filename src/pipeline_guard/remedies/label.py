"""Label: says on the pull or merge request what kind of failure it has."""

from collections.abc import Mapping
from typing import Any

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.runs import Run
from pipeline_guard.domain.tracker import KeepsLabels
from pipeline_guard.remedies.base import Remedy, Request, Result


def describe(params: Mapping[str, Any]) -> str:
    """What it would do, for a dry run."""
    return f"label request {params['number']} with {params['label']}"


async def apply(platform: Platform, run: Run, request: Request) -> Result:
    """Put the label on; one that is there already stays as it is, so twice is once."""
    params = request.params
    if not isinstance(platform, KeepsLabels):
        return Result("failed", f"{run.platform} keeps no labels.")
    if run.request is None or run.request.number != params["number"]:
        return Result("skipped", "The request is not open any more.")
    home = run.request.repository or run.repository
    await platform.change_labels(home, params["number"], [params["label"]], [])
    return Result("done", f"Labelled {params['label']}.", run.request.url)


REMEDY = Remedy(
    kind="label",
    needs_one_of=frozenset({"labels"}),
    params={
        "number": "the request's number",
        "label": "the label",
    },
    risk="Whatever listens for labels may act on a wrong one.",
    undo="Take the label off; the next green run of the workflow does so, too.",
    describe=describe,
    apply=apply,
)
