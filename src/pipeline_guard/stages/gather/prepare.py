"""Prepare: holds a change that may mend a failure against the files as they are, before deciding.

The decision is pure, so all that it must know of the platform is read here: which files the
request changes, what they hold at its commit, and whether the branch is protected.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.changes import (
    OWN_BRANCHES,
    PRINTED,
    Changes,
    Edit,
    PreparedPatch,
    ProposesChanges,
)
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.runs import Run
from pipeline_guard.errors import PlatformError
from pipeline_guard.remedies.edits import EDITS
from pipeline_guard.remedies.edits.base import Unfit
from pipeline_guard.remedies.patch import Edits, edited
from pipeline_guard.remedies.unified import UnusableDiff, read_diff, written

MAX_BYTES: Final = 1 << 20
"""No file that people write is larger."""
MAX_FILES: Final = 50
"""More files are not even read; the policy's own limit is far below."""

log = structlog.get_logger(__name__)


async def prepare(
    platform: Platform, run: Run, diagnoses: Sequence[Diagnosis]
) -> list[PreparedPatch | None]:
    """The change that each diagnosis offers, None where it offers none or nothing can be read.

    Raises PlatformError when it is worth another try later.
    """
    base = run.request.head_sha if run.request else run.commit
    if not isinstance(platform, ProposesChanges) or base is None:
        return [None for _ in diagnoses]
    if run.branch is None or run.branch.startswith(OWN_BRANCHES):
        return [None for _ in diagnoses]
    ground = Ground(platform.changes(run.repository), run, base)
    return [await _offer(ground, diagnosis) for diagnosis in diagnoses]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a change is held against: a repository at a commit, on the way of one run."""

    changes: Changes
    run: Run
    base: str


async def _offer(ground: Ground, diagnosis: Diagnosis) -> PreparedPatch | None:
    request = ground.run.request
    if diagnosis.diff and request is not None:
        origin, edits = PRINTED, _printed(ground, request.number, diagnosis.diff)
    elif diagnosis.fix:
        origin, edits = f"the rule {diagnosis.rule} names it", _named(ground, diagnosis.fix)
    else:
        return None
    try:
        return await _prepared(ground, origin, await edits)
    except (UnusableDiff, Unfit) as error:
        return PreparedPatch(origin, base=ground.base, problem=str(error))
    except PlatformError as error:
        if error.worth_retry:
            raise
        return PreparedPatch(origin, problem=f"The files could not be read: {error}")
    except Exception as error:
        # What a file holds is anybody's: the failure must not be lost with it.
        log.exception("change_not_prepared", repository=ground.run.repository)
        return PreparedPatch(origin, problem=f"It could not be prepared: {type(error).__name__}.")


async def _printed(ground: Ground, number: int, diff: str) -> Edits:
    """What the job printed, for files of the request only."""
    parts = read_diff(diff)
    if len(parts) > MAX_FILES:
        raise UnusableDiff(f"The diff changes {len(parts)} files.")
    touched = await ground.changes.changed_files(number)
    return await edited(ground.changes, parts, touched, ground.base)


async def _named(ground: Ground, fix: Sequence[Edit]) -> Edits:
    """What the rule names: each edit in the first of its files that it fits."""
    edits: Edits = {}
    for edit in fix:
        why = "No such file is there."
        for path in edit.files:
            content = edits[path][1] if path in edits else await _read(ground, path)
            if content is None:
                continue
            try:
                text = as_text(path, content)
                after = await asyncio.to_thread(EDITS[edit.kind], path, text, edit.params)
            except Unfit as error:
                why = str(error)
                continue
            edits[path] = edits[path][0] if path in edits else content, after.encode()
            break
        else:
            raise Unfit(why)
    return edits


async def _read(ground: Ground, path: str) -> bytes | None:
    return await ground.changes.read_file(path, ground.base)


def as_text(path: str, content: bytes) -> str:
    """What a file says; raises Unfit for one that is too large, or no text."""
    if len(content) > MAX_BYTES:
        raise Unfit(f"{path} is over {MAX_BYTES >> 20} MB, which is not changed.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Unfit(f"{path} is no UTF-8 text, which is not changed.") from error


async def _prepared(ground: Ground, origin: str, edits: Edits) -> PreparedPatch:
    diff = written(edits)
    request = ground.run.request
    return PreparedPatch(
        origin,
        diff,
        tuple(edits),
        sum(part.lines for part in read_diff(diff)),
        ground.base,
        # Of a fork's branch it does not matter, and a branch without a request is asked by one.
        request is not None
        and not request.from_fork
        and await ground.changes.is_protected(str(ground.run.ref)),
    )
