"""The /guard commands: which there are, who may give them, and finding them in a comment."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pipeline_guard.domain.events import Event

MARKER: Final = "<!-- pipeline-guard -->"
"""Stands in every comment of ours: finds it again, and keeps us from answering ourselves."""
MAX_COMMANDS: Final = 5
"""Commands of one comment that are carried out; nobody means more."""
MAX_WORD: Final = 40
MAX_ARGUMENT: Final = 200

Permission = Literal["admin", "write", "read", "none"]
"""What a person may do in a repository, in rising order from the right."""
_RANK: Final[dict[Permission, int]] = {"none": 0, "read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command: the least permission it asks for, how it is written, what it does."""

    needs: Permission
    usage: str
    help: str


COMMANDS: Final[dict[str, CommandSpec]] = {
    "retry": CommandSpec(
        "write", "retry", "re-run what failed at the newest commit, past the limit of re-runs"
    ),
    "patch": CommandSpec(
        "write", "patch", "propose the change that would mend it, as a branch and a request"
    ),
    "explain": CommandSpec("read", "explain", "unfold the whole reasoning in this comment"),
    "ignore": CommandSpec("write", "ignore", "mark the open failures of this commit as ignored"),
    "wrong": CommandSpec(
        "write", "wrong <category> [job]", "say what the cause really is, for later training"
    ),
    "off": CommandSpec("admin", "off", "switch healing off for the whole repository"),
    "on": CommandSpec("admin", "on", "switch it on again"),
    "help": CommandSpec("read", "help", "list these commands"),
}


@dataclass(frozen=True, slots=True)
class Command:
    """One command as it was written: its word in lower case, and what followed on the line."""

    name: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class RequestComment:
    """A comment on a request as the platform holds it now."""

    author: str
    body: str


def command_event(
    platform: str,
    repository: str,
    number: int,
    comment_id: str,
    author: str,
    commands: Sequence[Command],
) -> Event:
    """The event for commands in a comment; `read_hints` is its other half.

    Its `run_id` names the request, so that all that is said on one request is worked off in turn.
    """
    return Event(
        kind="comment_command",
        platform=platform,
        repository=repository,
        run_id=request_key(number),
        sender=author,
        hints={
            "number": number,
            "comment_id": comment_id,
            "author": author,
            "commands": [[command.name, command.argument] for command in commands],
        },
    )


def request_key(number: int) -> str:
    """Stands where a run's id would, for work that concerns a request as a whole."""
    return f"request-{number}"


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a delivery says was said: on which request, in which comment, by whom."""

    number: int
    comment_id: str
    author: str
    commands: tuple[Command, ...]


def read_hints(hints: Mapping[str, Any]) -> Spoken:
    """What `command_event` put into an event."""
    return Spoken(
        hints["number"],
        hints["comment_id"],
        hints["author"],
        tuple(Command(name, argument) for name, argument in hints["commands"]),
    )


def may(permission: Permission, needs: Permission) -> bool:
    """True when who has `permission` may do what `needs` so much."""
    return _RANK[permission] >= _RANK[needs]


def parse_commands(text: str) -> tuple[Command, ...]:
    """The commands of a comment, in order, each once.

    A command stands at the very start of a line, outside code fences, quotes and hidden
    (HTML) comments; in a comment of our own there is none.
    """
    if MARKER in text or "/guard" not in text:
        return ()
    found: dict[Command, None] = {}
    for line in _open_lines(text):
        match = _COMMAND.fullmatch(line)
        if match:
            word, rest = (match[1] or "help").lower(), " ".join((match[2] or "").split())
            found[Command(word[:MAX_WORD], rest[:MAX_ARGUMENT])] = None
    return tuple(found)[:MAX_COMMANDS]


_COMMAND: Final = re.compile(r"/guard(?:[ \t]+(\S+)(?:[ \t]+(.*))?|[ \t]*)")
_FENCE: Final = re.compile(r"\s*(`{3,}(?=[^`]*$)|~{3,}|>>>$)")


def _open_lines(text: str) -> Iterator[str]:
    """The lines outside fences and hidden comments.

    Only a line feed ends a line: with other signs that some take for one, a stranger's text could
    hide a command that becomes somebody else's when it is quoted. A fence ends with at least as
    many of its own characters; `>>>` alone is GitLab's fence around a quote of several lines.
    """
    fence, hidden = "", False
    for raw in text.split("\n"):
        line = raw.rstrip()
        opened = None if hidden else _FENCE.match(line)
        if fence:
            ends = opened is not None and opened[1].startswith(fence) and line.strip() == opened[1]
            fence = "" if ends else fence
            continue
        if opened:
            fence = opened[1]
            continue
        if not hidden:
            yield line
        start, end = line.rfind("<!--"), line.rfind("-->")
        hidden = start > end if max(start, end) >= 0 else hidden
