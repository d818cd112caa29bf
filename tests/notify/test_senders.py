"""Notices reach a Slack channel, a program and a mailbox, and can do nothing there."""

import base64
import email
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from email import policy

import pytest
from tests.notify.receivers import Inbox, Mailbox, http_receiver, mail_receiver

from pipeline_guard.domain.notices import Notice
from pipeline_guard.errors import (
    ConfigError,
    NotAuthorized,
    NotFound,
    PlatformError,
    PlatformUnavailable,
    RateLimited,
    Rejected,
)
from pipeline_guard.notify import addresses, slack, webhook
from pipeline_guard.notify import email as mail

NASTY = "FAILED <!channel> @here <@U123> [x](http://evil.example) ```\n& more\r\nBcc: all@x.example"
NOTICE = Notice(
    key="escalated/1",
    kind="escalated",
    title=f"acme/shop: tests needs a person\r\n{NASTY}",
    repositories=("acme/shop",),
    lines=("CI, main", NASTY),
    quote=NASTY,
    url="https://ci.example/1",
    facts=(("category", "timeout"),),
)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with http_receiver() as running:
        yield running


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_receiver() as running:
        yield running


async def test_slack_gets_a_message_that_mentions_nobody(inbox: Inbox) -> None:
    await slack.send(f"{inbox.url}/services/T/B/x", NOTICE)
    (posted,) = inbox.got
    said = json.loads(posted.body)
    text = said["blocks"][0]["text"]["text"]
    assert "acme/shop: tests needs a person" in text
    assert "<https://ci.example/1|open>" in text
    for sign in ("<!channel>", "<@U123>", "@here"):
        assert sign not in text
        assert sign not in said["text"]
    assert text.count("```") == 2


async def test_a_program_can_tell_that_it_is_from_us(inbox: Inbox) -> None:
    key = b"0123456789abcdef"
    secret = f"whsec_{base64.b64encode(key).decode()}"
    await webhook.send(f"{inbox.url}/in", secret, "notice-7", NOTICE)
    (posted,) = inbox.got
    head = posted.headers
    signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + posted.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert head["webhook-signature"] == f"v1,{expected}"
    assert (head["webhook-id"], abs(int(head["webhook-timestamp"]) - time.time()) < 60) == (
        "notice-7", True,
    )  # fmt: skip
    told = json.loads(posted.body)
    assert (told["type"], told["data"]["category"]) == ("pipeline_guard.escalated", "timeout")
    assert webhook.signature("plain", "1", 2, b"x") != webhook.signature("other", "1", 2, b"x")


async def test_a_mail_has_its_own_header_lines_only(box: Mailbox) -> None:
    server = mail.MailServer("127.0.0.1", box.port, "none", "guard", "s3cret")
    await mail.send(server, "Guard <guard@ci.example>", ["ops@ci.example"], "notice-7", NOTICE)
    await mail.send(server, "guard@ci.example", ["ops@ci.example"], "notice-7", NOTICE)
    parsed = [email.message_from_string(text, policy=policy.default) for text in box.mails]
    assert parsed[0]["Message-ID"] == parsed[1]["Message-ID"]
    assert parsed[0]["To"] == "ops@ci.example"
    assert parsed[0]["Bcc"] is None
    assert parsed[0]["Subject"].startswith("acme/shop: tests needs a person FAILED")
    assert "https://ci.example/1" in parsed[0].get_content()
    assert base64.b64decode(box.logins[0]) == b"\0guard\0s3cret"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, Rejected),
        (400, Rejected),
        (401, NotAuthorized),
        (403, NotAuthorized),
        (404, NotFound),
        (410, NotFound),
        (422, Rejected),
        (429, RateLimited),
        (500, PlatformUnavailable),
        (503, PlatformUnavailable),
    ],
)
async def test_every_answer_becomes_one_of_our_errors(
    inbox: Inbox, status: int, kind: type[PlatformError]
) -> None:
    inbox.answers = [(status, {"location": "http://127.0.0.1:1/", "retry-after": "7"})]
    with pytest.raises(kind) as told:
        await slack.send(f"{inbox.url}/secret-path", NOTICE)
    assert "secret-path" not in str(told.value)
    assert len(inbox.got) == 1


async def test_nobody_there_may_be_there_later() -> None:
    with http_receiver() as gone:
        url = gone.url
    with pytest.raises(PlatformUnavailable):
        await slack.send(f"{url}/secret-path", NOTICE)
    server = mail.MailServer("127.0.0.1", 1, "none")
    with pytest.raises(PlatformUnavailable):
        await mail.send(server, "a@b.example", ["c@d.example"], "1", NOTICE)


@pytest.mark.parametrize(
    ("command", "answer", "kind"),
    [
        ("AUTH", "535 no", NotAuthorized),
        ("RCPT", "550 nobody of that name", Rejected),
        ("RCPT", "450 later", PlatformUnavailable),
        ("MAIL", "451 later", PlatformUnavailable),
        ("DATA", "554 no", Rejected),
    ],
)
async def test_a_mail_server_s_refusals_are_told_apart(
    box: Mailbox, command: str, answer: str, kind: type[PlatformError]
) -> None:
    box.refusals = {command: answer}
    server = mail.MailServer("127.0.0.1", box.port, "none", "guard", "s3cret")
    with pytest.raises(kind) as told:
        await mail.send(server, "a@b.example", ["c@d.example"], "1", NOTICE)
    assert "s3cret" not in str(told.value)


async def test_a_server_without_encryption_gets_no_password(box: Mailbox) -> None:
    server = mail.MailServer("127.0.0.1", box.port, "starttls", "guard", "s3cret")
    with pytest.raises(Rejected):
        await mail.send(server, "a@b.example", ["c@d.example"], "1", NOTICE)
    assert box.logins == []


@pytest.mark.parametrize(
    ("url", "loopback", "allowed"),
    [
        ("https://hooks.example/x", False, True),
        ("http://hooks.example/x", True, False),
        ("http://127.0.0.1:8080/x", True, True),
        ("http://localhost/x", True, True),
        ("http://127.0.0.1:8080/x", False, False),
        ("http://169.254.169.254/latest", True, False),
        ("http://127.0.0.1.evil.example/", True, False),
        ("http://2130706433/", True, False),
        ("https://user:secret@hooks.example/", False, False),
        ("file:///etc/passwd", True, False),
        ("https://[::1", True, False),
        ("nonsense", False, False),
    ],
)
def test_only_https_may_be_posted_to(url: str, loopback: bool, allowed: bool) -> None:
    if allowed:
        assert addresses.checked(url, allow_loopback=loopback) == url
        return
    with pytest.raises(ConfigError) as told:
        addresses.checked(url, allow_loopback=loopback)
    assert url not in str(told.value)
