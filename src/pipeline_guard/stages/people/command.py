"""Command: carries out what a person asks for in a comment, once, if that person may.

The delivery is only a hint: the request, the comment and the permission are read from the
platform before anything is done. Every command is stored with its answer in the transaction that
carries it out, so a second delivery finds it done; the answer stands in our one comment.
"""

from collections.abc import Sequence
from typing import cast

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.capabilities import Conversation, Reaction
from pipeline_guard.domain.commands import (
    COMMANDS,
    Command,
    Permission,
    Spoken,
    may,
    parse_commands,
    read_hints,
)
from pipeline_guard.domain.events import Event, known_run
from pipeline_guard.domain.runs import ChangeRequest, Run
from pipeline_guard.errors import NotAuthorized, NotFound, PlatformError
from pipeline_guard.stages.context import Context
from pipeline_guard.stages.people.answers import HANDLERS, Answer, Status, Talk
from pipeline_guard.stages.people.retry import read_runs
from pipeline_guard.stages.report.report import may_speak, report_request
from pipeline_guard.store import audit, commands, failures
from pipeline_guard.store.commands import Said
from pipeline_guard.store.tables import Failure

log = structlog.get_logger(__name__)


async def run_commands(context: Context, event: Event) -> str:
    """Answer the commands of one comment; returns what came of them, in a sentence.

    Raises PlatformError when it is worth another try later.
    """
    spoken = read_hints(event.hints)
    platform = context.platform(event.platform).platform
    if not isinstance(platform, Conversation):
        return f"{event.platform} has no comments to answer."
    try:
        request = await platform.read_request(event.repository, spoken.number)
        if request is None:
            return "The request is not open any more: nothing was done."
        if doubt := await _doubt(platform, event.repository, spoken):
            return doubt
    except NotAuthorized as error:
        return f"What was said could not be read again, so nothing was done: {error}"
    commit, found = await _newest(context, platform, event, request)
    if not await _may_answer(context, platform, event, request, found):
        return "The policy here is to observe or to do nothing: commands are not answered."
    await _sign(platform, event, spoken, "seen")
    permission = await _permission(platform, event.repository, spoken.author)
    statuses: list[Status] = []
    for position, command in enumerate(spoken.commands):
        said = _said(event, spoken, position, command)
        statuses.append(await _once(context, said, permission, commit, found))
    await report_request(context, event.platform, event.repository, request, commit)
    await _sign(platform, event, spoken, _overall(statuses))
    told = zip(spoken.commands, statuses, strict=True)
    return ", ".join(f"/guard {command.name}: {status}" for command, status in told)


async def _doubt(platform: Conversation, repository: str, spoken: Spoken) -> str | None:
    """Why the comment is not to be believed or not to be answered, if so.

    Who knows a webhook's secret can send any delivery; what the platform holds is the authority.
    """
    author = spoken.author.lower()
    if author == (await platform.identity() or "").lower():
        return "The comment is our own: it is never answered."
    try:
        comment = await platform.read_comment(repository, spoken.number, spoken.comment_id)
    except NotFound:
        return "The comment is gone: nothing was done."
    if comment.author.lower() != author or parse_commands(comment.body) != spoken.commands:
        return "The comment does not say what the delivery said: nothing was done."
    return None


async def _newest(
    context: Context, platform: Conversation, event: Event, request: ChangeRequest
) -> tuple[str | None, Sequence[Failure]]:
    """The request's newest commit, and what is known to have failed at it.

    GitLab tests merged results under a commit of its own making: the run tells whether that one
    is current.
    """
    key = (event.platform, event.repository, request.number)
    async with context.database.transaction() as session:
        newest = await failures.newest_of_request(session, *key)
    if newest is None:
        return request.head_sha, ()
    if newest.commit != request.head_sha:
        try:
            run = await platform.read_run(
                known_run(event.platform, event.repository, newest.run_id, request.number)
            )
        except NotFound:
            return request.head_sha, ()
        if run.head_sha != newest.commit:
            return request.head_sha, ()
    async with context.database.transaction() as session:
        return newest.commit, await failures.of_request(session, *key, newest.commit)


async def _may_answer(
    context: Context,
    platform: Conversation,
    event: Event,
    request: ChangeRequest,
    found: Sequence[Failure],
) -> bool:
    """Who only observes says nothing, not even when asked."""
    if any(may_speak(item) for item in found):
        return True
    # There need not be any run: the repository's policy is that of a run without a name.
    nothing = Run(
        platform=event.platform,
        repository=event.repository,
        run_id=event.run_id,
        attempt=1,
        status="completed",
        conclusion=None,
        workflow="",
        branch=None,
        commit=request.head_sha,
        request=request,
    )
    policy = (await context.policies.of_run(platform, nothing)).of_job("").policy
    return policy.enabled and policy.mode != "observe"


async def _permission(platform: Conversation, repository: str, author: str) -> Permission | None:
    """What the author may do now; None when we are not allowed to ask."""
    try:
        return await platform.permission(repository, author)
    except NotAuthorized as error:
        log.warning("permission_unknown", repository=repository, error=str(error))
        return None


def _said(event: Event, spoken: Spoken, position: int, command: Command) -> Said:
    return Said(
        event.platform,
        event.repository,
        spoken.number,
        spoken.comment_id,
        position,
        spoken.author,
        command.name,
        command.argument,
    )


async def _once(
    context: Context,
    said: Said,
    permission: Permission | None,
    commit: str | None,
    found: Sequence[Failure],
) -> Status:
    """Carry out one command and store its answer, or find that this was done before."""
    async with context.database.transaction() as session:
        known = await commands.get(session, said)
    if known is not None:
        return cast("Status", known.status)
    refusal = _refusal(said, permission)
    acting = said.name in ("retry", "patch") and not refusal
    runs = await read_runs(context, found) if acting else []
    async with context.database.transaction() as session:
        talk = Talk(context, session, said, found, runs)
        answer = refusal or await HANDLERS[said.name](talk)
        commands.add(session, said, commit, answer.status, answer.text)
        _audit(session, said, commit, answer)
    log.info("command", repository=said.repository, by=said.author, command=said.name,
             status=answer.status)  # fmt: skip
    return answer.status


def _audit(session: AsyncSession, said: Said, commit: str | None, answer: Answer) -> None:
    audit.record(
        session,
        f"{said.platform}:{said.author}",
        f"command.{answer.status}",
        f"{said.platform}:{said.repository}",
        {
            "command": f"{said.name} {said.argument}".strip(),
            "request": said.number,
            "comment": said.comment_id,
            "commit": commit,
            "answer": answer.text,
        },
    )


def _refusal(said: Said, permission: Permission | None) -> Answer | None:
    """Why the person may not, or why it is not understood; None when it is to be done."""
    spec = COMMANDS.get(said.name)
    needs: Permission = spec.needs if spec else "read"
    if permission is None:
        return Answer("refused", "It could not be checked whether you may: we may not ask.")
    if not may(permission, needs):
        return Answer("refused", f"This takes {needs} access here; yours is {permission}.")
    if spec is None:
        return Answer("unclear", "There is no such command.")
    return None


def _overall(statuses: Sequence[Status]) -> Reaction:
    """One sign for a whole comment: the worst of its answers."""
    if "refused" in statuses:
        return "refused"
    return "unclear" if "unclear" in statuses else "done"


async def _sign(platform: Conversation, event: Event, spoken: Spoken, reaction: Reaction) -> None:
    """Put our sign on the comment; a command is worth more than its sign, so errors pass."""
    try:
        await platform.react(event.repository, spoken.number, spoken.comment_id, reaction)
    except PlatformError as error:
        log.warning("reaction_refused", repository=event.repository, error=str(error))
