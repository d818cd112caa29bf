"""CODEOWNERS: who answers for a file, as GitHub and GitLab read it; a pure function of its text."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import re2

PLACES: Final = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""Where both platforms look, in the order of GitHub; the first file there is counts."""
MOST_LINES: Final = 3_000
_MOST: Final = 5
"""Owners that are named; more are a crowd that nobody speaks for."""
_OWNER: Final = re.compile(r"@[A-Za-z0-9][A-Za-z0-9._/-]{0,100}$")
"""A person or a team; owners by e-mail cannot be named in an issue."""
# https://docs.github.com/articles/about-code-owners
# https://docs.gitlab.com/user/project/codeowners/reference/


def owners_of(paths: Sequence[str], text: str) -> tuple[str, ...]:
    """The owners of these files ("@ann", "@acme/core"), those of the first file first.

    The last line that fits a file says its owners, and a line without owners says nobody's;
    section headings of GitLab give theirs to the lines that name none. Without files, the owners
    of everything (`*`) are given.
    """
    lines = _parsed(text)
    found: dict[str, None] = {}
    for path in paths or ("",):
        for owner in _last_fitting(path, lines):
            found[owner] = None
    return tuple(found)[:_MOST]


def _last_fitting(path: str, lines: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[str, ...]:
    wanted = path.removeprefix("./").lstrip("/")
    for pattern, owners in reversed(lines):
        if _matcher(pattern).fullmatch(wanted):
            return owners
    return ()


@lru_cache(maxsize=8)
def _parsed(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    lines: list[tuple[str, tuple[str, ...]]] = []
    shared: tuple[str, ...] = ()
    for raw in text.splitlines()[:MOST_LINES]:
        line = re.split(r"(?:^|\s)#", raw, maxsplit=1)[0].strip()
        section = re.match(r"\^?\[[^\]]+\](?:\[\d+\])?", line)
        if section:
            shared = _owners(line[section.end() :])
        elif line and not line.startswith("!"):
            pattern, _, rest = line.replace("\\ ", "\0").partition(" ")
            lines.append((pattern.replace("\0", " "), _owners(rest) or shared))
    return tuple(lines)


def _owners(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split() if _OWNER.fullmatch(word))


@lru_cache(maxsize=4096)
def _matcher(pattern: str) -> Any:
    """The pattern as gitignore reads it, without its `!`, ranges and escapes.

    By RE2, because a pattern of many stars must not keep a worker busy.
    """
    if pattern == "*":
        return re2.compile(".*")
    anchored = "/" in pattern.rstrip("/")
    body = pattern.lstrip("/")
    inside = body.endswith("/")
    parts = [_part(part) for part in body.strip("/").split("/") if part]
    joined = "/".join(parts).replace("**/", "(?:.+/)?").replace("/**", "/.+").replace("**", ".*")
    start = "" if anchored else "(?:.*/)?"
    # A folder owns what is below it; `docs/*` only what is right in it.
    direct = body.endswith("/*")
    end = "/.+" if inside else "" if direct else "(?:/.+)?"
    return re2.compile(start + joined + end)


def _part(part: str) -> str:
    if part == "**":
        return part
    return "".join(
        "[^/]*" if sign == "*" else "[^/]" if sign == "?" else re2.escape(sign) for sign in part
    )
