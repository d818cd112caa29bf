"""Text that we hand to GitLab: within its limit, and unable to act with our permissions."""

import re
from typing import Final

MAX_CHARS: Final = 1_000_000
"""GitLab's limit on the body of a note; a description may be a little longer."""
CUT: Final = "\n\n(cut: longer than GitLab allows)\n"
QUICK_ACTION: Final = re.compile(
    r"^([^\S\n]*)(/(?!guard\b)[a-z0-9_]+)(?=\s|$)", re.MULTILINE | re.IGNORECASE
)


def inert(body: str) -> str:
    """`body` with GitLab's quick actions (a line such as `/close`) made plain text.

    Quoted log lines must never act with our permissions; a zero-width space in front is enough
    and, unlike a backslash, does not show inside code blocks.
    """
    return QUICK_ACTION.sub("\\1\u200b\\2", body)


def fitted(body: str, marker: str) -> str:
    """`body` within GitLab's limit; the marker we find it again by stays in it."""
    if len(body) <= MAX_CHARS:
        return body
    tail = CUT + marker
    return body[: MAX_CHARS - len(tail)] + tail


def same(ours: str, theirs: object) -> bool:
    """True when GitLab holds this text already; it trims the ends."""
    return isinstance(theirs, str) and ours.strip() == theirs.strip()
