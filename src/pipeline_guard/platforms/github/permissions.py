"""Which permissions of the App a call takes, so that its token can do that and no more.

https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
"""

import re
from collections.abc import Mapping
from typing import Any, Final

Permissions = Mapping[str, str]
"""GitHub's names of areas, each with "read" or "write"."""

READING: Final[Permissions] = {
    "actions": "read",
    "checks": "read",
    "contents": "read",
    "issues": "read",
    "metadata": "read",
    "pull_requests": "read",
}
"""One token serves all reading of a repository: most calls read, and tokens are not free."""
APP: Final[Permissions] = {
    "actions": "write",
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "pull_requests": "write",
    "workflows": "write",
}
"""What a registered App asks of those who install it: all that this product can make use of."""
EVENTS: Final = ("check_run", "issue_comment", "workflow_job", "workflow_run")
"""What it listens to."""

_AREAS: Final[Mapping[str, tuple[str, ...]]] = {
    "actions": ("actions",),
    "check-runs": ("checks",),
    "contents": ("contents",),
    "git": ("contents",),
    "hooks": ("repository_hooks",),
    "issues": ("issues", "pull_requests"),
    "labels": ("issues", "pull_requests"),
    "pulls": ("pull_requests",),
}
"""By the word behind the repository in a path; where there are two, either will do."""
_SEGMENT: Final = re.compile(r"/repos/[^/]+/[^/]+/([^/?]+)")
_WORKFLOWS: Final = ".github/workflows/"


def needed(verb: str, path: str, body: Any | None) -> Permissions:
    """What the call takes, or what may stand in for it, with nothing for other kinds of calls."""
    found = _SEGMENT.match(path)
    areas = _AREAS.get(found[1], ()) if found else ()
    if areas == ("repository_hooks",):
        return {"repository_hooks": "read" if verb == "GET" else "write"}
    if verb in ("GET", "HEAD"):
        return READING
    wanted = dict.fromkeys(areas, "write")
    if "contents" in wanted and _touches_workflows(path, body):
        wanted["workflows"] = "write"
    return wanted


def granted_of(wanted: Permissions, granted: Permissions) -> dict[str, str]:
    """The part of what is wanted that was granted; "admin" and "write" hold "read", too."""
    return {
        area: level
        for area, level in wanted.items()
        if area in granted and (level == "read" or granted[area] != "read")
    }


def _touches_workflows(path: str, body: Any | None) -> bool:
    """GitHub asks for more where a workflow is written, in a file or in a tree of files.

    Of a branch that is made only its commit tells, so what was granted is taken along.
    """
    if _WORKFLOWS in path or "/git/refs" in path:
        return True
    tree = body.get("tree") if isinstance(body, dict) else None
    return isinstance(tree, list) and any(
        str(item.get("path", "")).startswith(_WORKFLOWS) for item in tree if isinstance(item, dict)
    )
