"""A notice: what people outside of a request are told, and about which events."""

from dataclasses import dataclass
from typing import Literal

NoticeKind = Literal["escalated", "incident_opened", "incident_closed", "healed_late", "digest"]
"""escalated: a failure is left to people; healed_late: it was healed, but took long."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One event as told to people: `title` is a sentence, `lines` are plain text.

    `key` is the same however often the event is seen; `facts` are for programs. Texts from a log
    are redacted before they come here, and made unable to act by who sends them.
    """

    key: str
    kind: NoticeKind
    title: str
    repositories: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    quote: str = ""
    """The most telling line of the log."""
    url: str | None = None
    minutes: float = 0.0
    """How long it took, where that decides whether it is news."""
    facts: tuple[tuple[str, str], ...] = ()
