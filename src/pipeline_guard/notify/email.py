"""Sends a notice by e-mail, as plain text, through the operator's own mail server."""

import asyncio
import hashlib
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final, Literal

from pipeline_guard.domain.notices import Notice
from pipeline_guard.errors import NotAuthorized, PlatformError, PlatformUnavailable, Rejected

TIMEOUT_SECONDS: Final = 15.0
LONGEST_SUBJECT: Final = 200

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """How the mail server is reached; without a user it is not logged in to."""

    host: str
    port: int
    security: Security
    user: str | None = None
    password: str | None = None


async def send(
    server: MailServer, sender: str, to: Sequence[str], notice_id: str, notice: Notice
) -> None:
    """Hand it to the mail server, in a thread; raises PlatformError."""
    await asyncio.to_thread(_send, server, message(sender, to, notice_id, notice))


def message(sender: str, to: Sequence[str], notice_id: str, notice: Notice) -> EmailMessage:
    """The mail; its Message-ID is the same for the same notice, so copies are known as such."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = ", ".join(to)
    mail["Subject"] = " ".join(notice.title.split())[:LONGEST_SUBJECT]
    mail["Date"] = formatdate()
    host = sender.rpartition("@")[2].strip(" >") or "localhost"
    mail["Message-ID"] = f"<{hashlib.sha256(notice_id.encode()).hexdigest()[:32]}@{host}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    parts = [*notice.lines]
    if notice.quote:
        parts += ["", f"    {notice.quote}"]
    if notice.url:
        parts += ["", notice.url]
    mail.set_content("\n".join(parts) + "\n")
    return mail


def _send(server: MailServer, mail: EmailMessage) -> None:
    try:
        with _connect(server) as connection:
            if server.user is not None:
                connection.login(server.user, server.password or "")
            connection.send_message(mail)
    except smtplib.SMTPException as error:
        raise _told(server, error) from None
    except (OSError, ValueError) as error:
        raise PlatformUnavailable(f"{server.host} did not answer: {error!r}") from None


def _connect(server: MailServer) -> smtplib.SMTP:
    if server.security == "tls":
        return smtplib.SMTP_SSL(
            server.host,
            server.port,
            timeout=TIMEOUT_SECONDS,
            context=ssl.create_default_context(),
        )
    connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
    if server.security == "starttls":
        try:
            connection.starttls(context=ssl.create_default_context())
        except BaseException:
            connection.close()
            raise
    return connection


def _told(server: MailServer, error: smtplib.SMTPException) -> PlatformError:
    """RFC 5321: 4xx may pass by itself, 5xx does not."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        code = max(codes, default=0)
    else:
        code = getattr(error, "smtp_code", 0)
    told = f"{server.host} refused the mail: {type(error).__name__} {code or ''}".strip()
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return NotAuthorized(told, status=code)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Rejected(told)
    return Rejected(told, status=code) if code >= 500 else PlatformUnavailable(told, status=code)
