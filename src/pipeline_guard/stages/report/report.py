"""Report: one comment per pull or merge request, edited in place, silent when nothing changed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.commands import MARKER
from pipeline_guard.domain.events import known_run
from pipeline_guard.domain.runs import ChangeRequest
from pipeline_guard.errors import PlatformError
from pipeline_guard.stages.breakers.limits import within_limits
from pipeline_guard.stages.context import Context
from pipeline_guard.stages.measure import stage
from pipeline_guard.stages.report.announcements import announcements
from pipeline_guard.stages.report.check import put_check
from pipeline_guard.stages.report.comment import Seen, Spoken, render
from pipeline_guard.stages.report.notices import announce
from pipeline_guard.store import audit, commands, comments, failures, switches, tracker
from pipeline_guard.store.tables import Comment, Failure

HISTORY_DAYS = 7

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """The comment as it should be, and as it was last."""

    body: str
    digest: str
    known: Comment | None

    @property
    def unchanged(self) -> bool:
        """It says already what it should."""
        return self.known is not None and self.known.digest == self.digest


@stage("report")
@within_limits
async def report(context: Context, platform: str, repository: str, run_id: str) -> None:
    """Tell what became of a run: people elsewhere, and the comment of its request.

    Raises PlatformError when it is worth another try later.
    """
    async with context.database.transaction() as session:
        of_run = await failures.of_run(session, platform, repository, run_id)
        spoken_of = [item for item in of_run if may_speak(item)]
        for notice in announcements(spoken_of, datetime.now(UTC)):
            await announce(context, session, notice)
    await _comment(context, platform, repository, run_id)
    await _check(context, platform, repository, of_run)


async def _check(
    context: Context, platform: str, repository: str, of_run: Sequence[Failure]
) -> None:
    """Bring the check run on the run's commit up to date."""
    commit = of_run[-1].commit if of_run else None
    if commit is None or all(item.status == "superseded" for item in of_run):
        return
    async with context.database.transaction() as session:
        found = await failures.of_commit(session, platform, repository, commit)
    await put_check(context, platform, repository, [item for item in found if may_speak(item)])


async def _comment(context: Context, platform: str, repository: str, run_id: str) -> None:
    """Bring the comment of the run's request up to date."""
    adapter = context.platform(platform).platform
    if "comment" not in adapter.capabilities:
        return
    async with context.database.transaction() as session:
        of_run = await failures.of_run(session, platform, repository, run_id)
        structlog.contextvars.bind_contextvars(failures=[item.id for item in of_run])
        number = of_run[-1].request_number if of_run else None
        if number is None or not any(may_speak(item) for item in of_run):
            return
        commit = of_run[-1].commit
        shown = await _shown(session, platform, repository, number, commit)
        page = await _compose(session, platform, repository, number, commit, shown)
    if page.unchanged or (page.known is None and all(i.status == "superseded" for i in shown)):
        return
    run = await adapter.read_run(known_run(platform, repository, run_id, number))
    request = run.request
    if request is None or request.number != number or run.head_sha not in (None, commit):
        return  # Closed, or a newer commit has the word now.
    await _write(context, platform, repository, request, page)


async def report_request(
    context: Context, platform: str, repository: str, request: ChangeRequest, commit: str | None
) -> None:
    """Bring a request's comment up to date with what was said there, red or not.

    Raises PlatformError when it is worth another try later.
    """
    async with context.database.transaction() as session:
        shown = await _shown(session, platform, repository, request.number, commit)
        page = await _compose(session, platform, repository, request.number, commit, shown)
    if not page.unchanged:
        await _write(context, platform, repository, request, page)


async def _shown(
    session: AsyncSession, platform: str, repository: str, number: int, commit: str | None
) -> list[Failure]:
    found = await failures.of_request(session, platform, repository, number, commit)
    return [item for item in found if may_speak(item)]


async def _compose(
    session: AsyncSession,
    platform: str,
    repository: str,
    number: int,
    commit: str | None,
    shown: Sequence[Failure],
) -> Page:
    since = datetime.now(UTC) - timedelta(days=HISTORY_DAYS)
    prints = [item.fingerprint for item in shown]
    known_issues = await tracker.issues_about(session, platform, repository, prints)
    history = {
        item.id: Seen(
            *await failures.seen(session, item.fingerprint, since),
            HISTORY_DAYS,
            known_issues.get(item.fingerprint),
        )
        for item in shown
    }
    spoken = Spoken(
        await commands.of_request(session, platform, repository, number, commit),
        await switches.off_by(session, platform, repository),
    )
    known = await comments.get(session, platform, repository, number)
    body = render(shown, history, commit, spoken)
    return Page(body, hashlib.sha256(body.encode()).hexdigest(), known)


async def _write(
    context: Context, platform: str, repository: str, request: ChangeRequest, page: Page
) -> None:
    adapter = context.platform(platform).platform
    known = page.known.comment_id if page.known else None
    try:
        result = await adapter.upsert_comment(repository, request, MARKER, page.body, known)
    except PlatformError as error:
        if error.worth_retry:
            raise
        # Healing goes on without words; `doctor` and the log tell what is missing.
        log.warning(
            "comment_refused", repository=repository, request=request.number, error=str(error)
        )
        return
    async with context.database.transaction() as session:
        await comments.put(session, platform, repository, request.number, result, page.digest)
        audit.record(
            session,
            audit.BOT,
            "comment.created" if result.created else "comment.edited",
            f"{platform}:{repository}",
            {"request": request.number, "comment": result.comment_id},
        )


def may_speak(failure: Failure) -> bool:
    """Does the policy that the failure was decided by let people be told?"""
    values = failure.plan["policy"]["values"]
    return bool(values["enabled"]) and values["mode"] != "observe"
