"""Patch: proposes a change to files as a branch of ours and a request into the one that failed."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.changes import OWN_BRANCHES, Changes, Proposed, ProposesChanges
from pipeline_guard.domain.runs import Run
from pipeline_guard.errors import Conflict, Rejected
from pipeline_guard.remedies.base import Remedy, Request, Result
from pipeline_guard.remedies.unified import (
    FileChange,
    UnusableDiff,
    apply_hunks,
    place,
    read_diff,
)

Edits = dict[str, tuple[bytes, bytes]]
"""By path, a file as it was and as it is to be."""
SHORT: Final = 12
"""Characters of a fingerprint or commit in a branch's name."""


def branch_prefix(fingerprint: str) -> str:
    """How the names of all branches for one fingerprint begin."""
    return f"{OWN_BRANCHES}{fingerprint[:SHORT]}-"


def branch_name(fingerprint: str, paths: Sequence[str], base: str) -> str:
    """The branch for a change of these files at a commit.

    Failures of one fingerprint may name different files, as two linters of one run do.
    """
    files = hashlib.sha256("\n".join(sorted(paths)).encode()).hexdigest()[:6]
    return f"{branch_prefix(fingerprint)}{files}-{base[:SHORT]}"


def describe(params: Mapping[str, Any]) -> str:
    """What it would do, for a dry run."""
    return f"propose a change of {', '.join(params['paths'])}"


async def apply(platform: Platform, run: Run, request: Request) -> Result:
    """Make the branch and its request, unless they are there or nobody needs them any more.

    What an interrupted call left is found by the branch's name and content; nothing that exists
    is written to.
    """
    if not isinstance(platform, ProposesChanges):
        return Result("failed", f"{run.platform} offers no way to propose changes.")
    changes, params = platform.changes(run.repository), request.params
    try:
        needless = _needless(run, params)
        return (
            Result("skipped", needless) if needless else await _find_or_make(changes, run, params)
        )
    except (UnusableDiff, Conflict, Rejected) as error:
        return Result("failed", str(error))


async def _find_or_make(changes: Changes, run: Run, params: Mapping[str, Any]) -> Result:
    target, name = run.ref or "", _branch(params)
    known = await changes.proposed(target, branch_prefix(params["fingerprint"]))
    there = next((one for one in known if one.state == "open" and one.branch == name), None)
    # The name without its commit stands for the same files at any commit.
    same = name.rpartition("-")[0]
    asked = "asked_by" in params  # whoever asks for it does not mind that it was closed before
    if there is None and not asked and _any(known, "closed", same):
        return Result("skipped", "The same was proposed before and closed by somebody.")
    older = _any(known, "open", same) if there is None else None
    if older is not None:
        return Result(
            "skipped",
            f"#{older.number} is open already, for an older commit. Once it is merged or closed,"
            " /guard patch proposes this one.",
            older.url,
        )
    # Without a request the change is for the branch itself, and a request is how that is asked for.
    asks = run.request is None
    if there is None and not asks and await changes.is_protected(target):
        return Result("skipped", f"{target} is protected: the change stays a suggestion.")
    made = there or await _propose(changes, target, params)
    return Result("done", f"Proposed as #{made.number}.", made.url, str(made.number))


def _any(known: Sequence[Proposed], state: str, same: str) -> Proposed | None:
    found = (one for one in known if one.state == state and one.branch.startswith(f"{same}-"))
    return next(found, None)


def _needless(run: Run, params: Mapping[str, Any]) -> str | None:
    """Why nobody needs the change, or it must not be made, as things are now."""
    if run.branch is None or run.branch.startswith(OWN_BRANCHES):
        return "There is no branch that the change could be proposed for."
    if run.request is not None and run.request.from_fork:
        return "The request is from a fork, where nothing is written to."
    head = run.request.head_sha if run.request else run.head_sha
    if head is not None and head != params["base"]:
        return "A newer commit arrived before the change was proposed."
    return None


async def _propose(changes: Changes, target: str, params: Mapping[str, Any]) -> Proposed:
    base, title = params["base"], params["title"]
    edits = await edited(changes, read_diff(params["diff"]), params["paths"], base)
    name = _branch(params)
    files = {path: new for path, (_, new) in edits.items()}
    await changes.create_branch(name, base, files, title)
    return await changes.open_request(name, target, title, params["body"])


def _branch(params: Mapping[str, Any]) -> str:
    return branch_name(params["fingerprint"], params["paths"], params["base"])


async def edited(
    changes: Changes, parts: Sequence[FileChange], known: Sequence[str], base: str
) -> Edits:
    """By path, each file of a diff as it is at the commit `base`, and with the change.

    `known` are the paths that it may be about. Raises UnusableDiff and errors.PlatformError.
    """
    found: Edits = {}
    for part in parts:
        path = place(part, known)
        if path in found:
            raise UnusableDiff(f"There are several diffs of {path}.")
        content = await changes.read_file(path, base)
        if content is None:
            raise UnusableDiff(f"{path} is no plain file at {base[:10]}.")
        found[path] = content, apply_hunks(content, part.hunks)
    return found


REMEDY = Remedy(
    kind="patch",
    needs_one_of=frozenset({"changes"}),
    params={
        "diff": "the change",
        "paths": "the files that it changes",
        "base": "the commit that it fits",
        "fingerprint": "the failure that it mends",
        "title": "title of the request",
        "body": "text of the request",
    },
    risk="A wrong change gets in, if nobody reads it over before it is merged.",
    undo="Close the request, and its branch can be deleted; after a merge, revert it.",
    describe=describe,
    apply=apply,
)
