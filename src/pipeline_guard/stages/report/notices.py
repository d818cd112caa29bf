"""Notices: who is to be told of an event is noted down with it; a job of its own tells them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Final

import structlog
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.notices import Notice
from pipeline_guard.errors import ConfigError, PlatformError
from pipeline_guard.notify import email, slack, webhook
from pipeline_guard.notify.addresses import checked
from pipeline_guard.policy.patterns import fits_repository
from pipeline_guard.policy.targets import Email, NoticeTarget, Slack, Webhook
from pipeline_guard.settings import named_secret
from pipeline_guard.stages.context import Context
from pipeline_guard.store import notices

Sender = Callable[[str, Notice], Awaitable[None]]
"""Takes a notice's id and the notice; raises PlatformError."""
_NOTICE: Final[TypeAdapter[Notice]] = TypeAdapter(Notice)

log = structlog.get_logger(__name__)


async def announce(context: Context, session: AsyncSession, notice: Notice) -> None:
    """Tell every receiver that wants to know, in the caller's transaction: with it or not at all.

    The same `notice.key` is told to each receiver once, however often it is announced.
    """
    for name, target in (await context.policies.targets()).items():
        if wants(target, notice):
            await note_down(context, session, name, notice)


async def note_down(context: Context, session: AsyncSession, target: str, notice: Notice) -> bool:
    """Have one receiver told, unless it was told or will be; True when it is news."""
    added = await notices.add(session, notice.key, target, asdict(notice))
    if added is None:
        return False
    await context.queue.defer(session, "tell", {"notice": added})
    return True


def wants(target: NoticeTarget, notice: Notice) -> bool:
    """Does the receiver want to know of this kind of event, in this repository?"""
    if notice.kind not in target.when:
        return False
    if notice.kind == "healed_late" and notice.minutes < target.healed_late_minutes:
        return False
    return of_repository(target, notice.repositories)


def of_repository(target: NoticeTarget, repositories: Sequence[str]) -> bool:
    """Does the receiver want to know of one of these repositories?"""
    return not target.repositories or any(
        fits_repository(repository, pattern)
        for pattern in target.repositories
        for repository in repositories
    )


async def tell(context: Context, notice: int) -> None:
    """Send one noted notice; raises PlatformError when another try later is worth it.

    A crash between sending and noting it down sends it again: better twice than never.
    """
    async with context.database.transaction() as session:
        noted = await notices.get(session, notice)
    if noted is None or noted.status != "waiting":
        return
    try:
        sender = sender_to((await context.policies.targets()).get(noted.target))
        await sender(
            f"notice-{noted.id}-{noted.created_at.timestamp():.0f}",
            _NOTICE.validate_python(noted.notice),
        )
        problem = None
    except ConfigError as error:
        problem = str(error)
    except PlatformError as error:
        if error.worth_retry:
            raise
        problem = str(error)
    async with context.database.transaction() as session:
        await notices.finish(session, notice, "failed" if problem else "sent", problem)
    if problem:
        log.warning("not_told", target=noted.target, key=noted.key, error=problem)


def sender_to(target: NoticeTarget | None) -> Sender:
    """What sends a notice, with its id, to the one place a target names.

    Raises ConfigError when there is no such target, or a variable it names says nothing usable.
    """
    if target is None:
        raise ConfigError("guard.yaml does not name this receiver any more")
    if target.slack is not None:
        return _to_slack(target.slack)
    if target.webhook is not None:
        return _to_webhook(target.webhook)
    if target.email is not None:
        return _to_mailboxes(target.email)
    raise ConfigError("names no place to send to")


def _to_slack(target: Slack) -> Sender:
    url = checked(_value(target.url_env))

    async def send(notice_id: str, notice: Notice) -> None:
        await slack.send(url, notice)

    return send


def _to_webhook(target: Webhook) -> Sender:
    url = checked(_value(target.url_env), allow_loopback=target.allow_loopback)
    secret = _value(target.secret_env)

    async def send(notice_id: str, notice: Notice) -> None:
        await webhook.send(url, secret, notice_id, notice)

    return send


def _to_mailboxes(target: Email) -> Sender:
    user = _value(target.user_env) if target.user_env else None
    password = _value(target.password_env) if target.password_env else None
    server = email.MailServer(target.host, target.port, target.security, user, password)

    async def send(notice_id: str, notice: Notice) -> None:
        await email.send(server, target.sender, target.to, notice_id, notice)

    return send


def _value(name: str) -> str:
    found = named_secret(name)
    if found is None:
        raise ConfigError(f"the environment variable {name} is not set")
    return found
