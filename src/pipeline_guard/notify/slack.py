"""Posts a notice to a Slack channel through an incoming webhook."""

from typing import Any, Final

import orjson

from pipeline_guard.domain.notices import Notice
from pipeline_guard.notify.addresses import post

LONGEST: Final = 2_900
"""Characters; Slack takes 3,000 in the text of one block."""


async def send(url: str, notice: Notice) -> None:
    """Post it; raises PlatformError. Slack knows no key, so sent twice it shows twice."""
    await post(url, orjson.dumps(message(notice)), {"content-type": "application/json"})


def message(notice: Notice) -> dict[str, Any]:
    """The message: a bold title with its link, the lines, and the quoted line of the log.

    https://docs.slack.dev/messaging/formatting-message-text: only `&`, `<` and `>` have to be
    escaped for nobody to be mentioned and nothing to become a link.
    """
    title = escaped(notice.title)
    link = f" <{_address(notice.url)}|open>" if notice.url else ""
    parts = [f"*{title}*{link}", *(escaped(line) for line in notice.lines)]
    if notice.quote:
        parts.append(f"```{escaped(notice.quote)}```")
    text = "\n".join(parts)
    block = {"type": "section", "text": {"type": "mrkdwn", "text": text[:LONGEST]}}
    return {"text": title[:LONGEST], "blocks": [block], "unfurl_links": False}


def _address(url: str) -> str:
    """An address within Slack's angle brackets, which it cannot leave."""
    return url.replace("<", "%3C").replace(">", "%3E").replace("|", "%7C").replace("&", "&amp;")


def escaped(text: str) -> str:
    """Text in which nothing is a mention, a link or a formatting sign."""
    plain = " ".join(text.split())
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace("@", "@\u200b").replace("://", ":\u200b//").replace("`", "'")
