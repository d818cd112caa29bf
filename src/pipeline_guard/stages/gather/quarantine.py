"""Quarantine: reads what a mark on a flaky test needs to be decided: proof, owner, the file."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from pipeline_guard.domain.capabilities import Platform
from pipeline_guard.domain.changes import Changes, PreparedPatch, ProposesChanges, Quarantine
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.places import files_in
from pipeline_guard.domain.runs import Run
from pipeline_guard.errors import PlatformError
from pipeline_guard.policy.patterns import fits_branch
from pipeline_guard.policy.schema import QuarantinePolicy
from pipeline_guard.remedies.edits.base import Unfit
from pipeline_guard.remedies.marks import find_test, single_test
from pipeline_guard.remedies.owners import PLACES, owners_of
from pipeline_guard.remedies.quarantine import reason_of
from pipeline_guard.remedies.unified import read_diff, written
from pipeline_guard.stages.gather.prepare import as_text
from pipeline_guard.store import history
from pipeline_guard.store.session import Database

REMEMBERED: Final = timedelta(days=30)
"""Older proofs say little of the test as it is."""


async def look_up(
    database: Database,
    platform: Platform,
    run: Run,
    diagnosis: Diagnosis,
    policy: QuarantinePolicy,
    now: datetime,
) -> Quarantine | None:
    """What is known of the one test that failed; None where the policy, or nobody, asks for it.

    Several tests that fail at once share a cause and are no flakes. A request under review is not
    where a test of everybody's is put aside. Raises PlatformError when it is worth another try.
    """
    if not isinstance(platform, ProposesChanges) or not _is_asked_for(run, policy):
        return None
    single = single_test(diagnosis.failed_tests, files_in(x.text for x in diagnosis.evidence))
    if single is None:
        return None
    test, files = single
    async with database.transaction() as session:
        proofs = await history.proofs(session, run, test, now - REMEMBERED)
    until = (now + timedelta(days=policy.days)).date().isoformat()
    if proofs < policy.proven:
        return Quarantine(test, proofs, until)
    try:
        changes = platform.changes(run.repository)
        known = Quarantine(test, proofs, until)
        return await _with_mark(changes, platform, run, files, known)
    except PlatformError as error:
        if error.worth_retry:
            raise
        return Quarantine(test, proofs, until, problem=f"The files could not be read: {error}")


def _is_asked_for(run: Run, policy: QuarantinePolicy) -> bool:
    if policy.mode == "observe" or run.request is not None:
        return False
    if run.branch is None or run.commit is None:
        return False
    return any(fits_branch(run.branch, pattern) for pattern in policy.on_branches)


async def _with_mark(
    changes: Changes, platform: Platform, run: Run, files: Sequence[str], known: Quarantine
) -> Quarantine:
    base = run.commit or ""
    found = find_test(known.test, files)
    for path in found.paths if found else ():
        content = await changes.read_file(path, base)
        if found is None or content is None:
            continue
        owners = await _owners(platform, run, path)
        reason = reason_of(known.until, owners)
        try:
            text = as_text(path, content)
            after = (await asyncio.to_thread(found.mark, text, found.names, reason)).encode()
        except Unfit as error:
            return Quarantine(known.test, known.proofs, known.until, problem=str(error))
        diff = written({path: (content, after)})
        lines = sum(part.lines for part in read_diff(diff))
        origin = f"it failed and then passed at the same commit {known.proofs} times in 30 days"
        patch = PreparedPatch(origin, diff, (path,), lines, base)
        return Quarantine(known.test, known.proofs, known.until, owners, patch)
    problem = "Where the test is written down is not known."
    return Quarantine(known.test, known.proofs, known.until, problem=problem)


async def _owners(platform: Platform, run: Run, path: str) -> tuple[str, ...]:
    for place in PLACES:
        raw = await platform.default_branch_file(run, place)
        if raw is not None:
            return owners_of((path,), raw.decode("utf-8", "replace"))
    return ()


async def look_up_all(
    database: Database,
    platform: Platform,
    run: Run,
    diagnoses: Sequence[Diagnosis],
    policies: Sequence[QuarantinePolicy],
    now: datetime,
) -> list[Quarantine | None]:
    """The same for every failure of a run, in order."""
    return [
        await look_up(database, platform, run, diagnosis, policy, now)
        for diagnosis, policy in zip(diagnoses, policies, strict=True)
    ]
