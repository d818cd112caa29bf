"""The check run: the verdict in the platform's own list of checks, with remarks at the lines."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from pipeline_guard.domain.commands import MARKER
from pipeline_guard.domain.places import places_in
from pipeline_guard.domain.tracker import Annotation, CheckDraft, KeepsChecks
from pipeline_guard.errors import PlatformError
from pipeline_guard.stages.context import Context
from pipeline_guard.stages.report.comment import in_order, render
from pipeline_guard.stages.report.verdict import verdict
from pipeline_guard.store import audit, checks
from pipeline_guard.store.tables import Failure

MAX_ANNOTATIONS: Final = 150
"""Of one commit; nobody reads on behind so many. A platform may take them in several calls."""
MAX_MESSAGE: Final = 1_000
ASKED_AGAIN: Final = timedelta(days=1)
"""How long a refusal holds for a whole repository: permissions seldom change."""

log = structlog.get_logger(__name__)


async def put_check(
    context: Context, platform: str, repository: str, shown: Sequence[Failure]
) -> None:
    """Bring our check run on the commit of these failures up to date, where we may write one.

    Raises PlatformError when it is worth another try later; without the permission it is left
    out, and `doctor` says so.
    """
    adapter = context.platform(platform).platform
    commit = shown[-1].commit if shown else None
    if commit is None or not isinstance(adapter, KeepsChecks):
        return
    draft = replace(check_of(shown, commit), url=context.page_of(shown[-1].id))
    digest = hashlib.sha256(repr(draft).encode()).hexdigest()
    place = (platform, repository, commit)
    async with context.database.transaction() as session:
        known = await checks.get(session, *place)
        if known is not None and known.digest == digest:
            return
        if await checks.was_refused(session, *place[:2], datetime.now(UTC) - ASKED_AGAIN):
            return
    try:
        result = await adapter.put_check(repository, draft, known.check_id if known else None)
    except PlatformError as error:
        if error.worth_retry:
            raise
        log.info("check_refused", repository=repository, error=str(error))
        async with context.database.transaction() as session:
            await checks.put(session, place, digest, None, str(error))
        return
    async with context.database.transaction() as session:
        await checks.put(session, place, digest, result.check_id)
        details = {"commit": place[2], "check": result.check_id}
        audit.record(session, audit.BOT, "check.written", f"{place[0]}:{place[1]}", details)


def check_of(shown: Sequence[Failure], commit: str) -> CheckDraft:
    """The check run for the failures of a commit, oldest first; the newest of each job counts."""
    newest = list({(item.workflow, item.job): item for item in shown}.values())
    ordered = in_order(newest)
    said = verdict(ordered[0])
    more = f" (and {len(ordered) - 1} more)" if len(ordered) > 1 else ""
    title = f"{said.opening}: {ordered[0].job[:100]}: {said.rest}{more}".replace("`", "")
    # Commands are for the request: the comment's last part is left out, and its marker, too.
    body = render(shown, {}, commit).replace(MARKER, "").rpartition("\n\n")[0].strip()
    return CheckDraft(commit, title, body, annotations=annotations_of(ordered))


def annotations_of(found: Sequence[Failure]) -> tuple[Annotation, ...]:
    """A remark at each file and line that a telling line names, each place once."""
    remarks: dict[tuple[str, int], Annotation] = {}
    for item in found:
        for evidence in item.diagnosis["evidence"]:
            for place in places_in(evidence["text"]):
                if place.line is not None:
                    message, title = evidence["text"][:MAX_MESSAGE], f"{item.job}: {item.category}"
                    remark = Annotation(place.path, place.line, message, title[:200])
                    remarks.setdefault((place.path, place.line), remark)
    return tuple(remarks.values())[:MAX_ANNOTATIONS]
