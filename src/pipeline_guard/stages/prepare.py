"""Prepare: holds a change that may mend a failure against the files as they are, before deciding.

The decision is pure, so all that it must know of the platform is read here: which files the
request changes, what they hold at its commit, and whether the branch is protected.
"""

from collections.abc import Sequence
from typing import Final

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.changes import (
    OWN_BRANCHES,
    Changes,
    PreparedPatch,
    ProposesChanges,
)
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.runs import Run
from pipeline_guard.errors import PlatformError
from pipeline_guard.remedies.patch import edited
from pipeline_guard.remedies.unified import UnusableDiff, read_diff, written

PRINTED: Final = "the job printed it"
MAX_FILES: Final = 50
"""More files are not even read; the policy's own limit is far below."""


async def prepare(
    platform: Platform, run: Run, diagnoses: Sequence[Diagnosis]
) -> list[PreparedPatch | None]:
    """The change that each diagnosis offers, None where it offers none or nothing can be read.

    Raises PlatformError when it is worth another try later.
    """
    base = run.request.head_sha if run.request else None
    if not isinstance(platform, ProposesChanges) or run.request is None or base is None:
        return [None for _ in diagnoses]
    if run.branch is None or run.branch.startswith(OWN_BRANCHES):
        return [None for _ in diagnoses]
    changes = platform.changes(run.repository)
    found: list[PreparedPatch | None] = []
    for diagnosis in diagnoses:
        if not diagnosis.diff:
            found.append(None)
            continue
        try:
            found.append(await _printed(changes, run, run.request.number, base, diagnosis.diff))
        except PlatformError as error:
            if error.worth_retry:
                raise
            found.append(PreparedPatch(PRINTED, problem=f"The files could not be read: {error}"))
    return found


async def _printed(changes: Changes, run: Run, number: int, base: str, diff: str) -> PreparedPatch:
    try:
        parts = read_diff(diff)
        if len(parts) > MAX_FILES:
            return PreparedPatch(PRINTED, problem=f"The diff changes {len(parts)} files.")
        touched = await changes.changed_files(number)
        edits = await edited(changes, parts, touched, base)
    except UnusableDiff as error:
        return PreparedPatch(PRINTED, base=base, problem=str(error))
    return PreparedPatch(
        PRINTED,
        written(edits),
        tuple(edits),
        sum(part.lines for part in parts),
        base,
        # Who writes nothing to a fork does not need to know whether its branch is protected.
        not _is_fork(run) and await changes.is_protected(str(run.branch)),
    )


def _is_fork(run: Run) -> bool:
    return run.request is not None and run.request.from_fork
