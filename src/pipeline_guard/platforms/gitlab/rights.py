"""Tells whether our token may retry jobs in a project, as far as GitLab says."""

from typing import Any, Final
from urllib.parse import quote

from pipeline_guard.errors import NotAuthorized, NotFound
from pipeline_guard.platforms.gitlab.client import GitLabClient

# https://docs.gitlab.com/user/permissions/#cicd
DEVELOPER: Final = 30


async def missing_right(client: GitLabClient, project: str) -> str | None:
    """What is lacking to retry there; None when nothing is, or GitLab does not tell."""
    try:
        token = await client.get("/personal_access_tokens/self")
        scopes = token.get("scopes")
    except (NotFound, NotAuthorized):
        scopes = None  # an OAuth token, or an old one
    if isinstance(scopes, list) and scopes and "api" not in scopes:
        return "the token's scope api"
    level = _level(await client.get(f"/projects/{quote(project, safe='')}"))
    return "the role Developer" if level is not None and level < DEVELOPER else None


def _level(project: dict[str, Any]) -> int | None:
    """The highest role that the project and its group give us; None when neither is told."""
    told = project.get("permissions")
    if not isinstance(told, dict):
        return None
    levels = [access.get("access_level") for access in told.values() if isinstance(access, dict)]
    known = [level for level in levels if isinstance(level, int)]
    return max(known, default=None)
