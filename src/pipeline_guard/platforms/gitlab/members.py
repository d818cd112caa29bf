"""Says what a person may do in a project at this moment, from the project's members."""

from typing import Final

from pipeline_guard.domain.commands import Permission
from pipeline_guard.platforms.gitlab.client import GitLabClient

MAX_MEMBERS: Final = 500
"""Members looked through; the search for one name leaves a few."""
# https://docs.gitlab.com/api/members/#roles
_LEVELS: Final[tuple[tuple[int, Permission], ...]] = ((40, "admin"), (30, "write"), (10, "read"))


async def permission(client: GitLabClient, project: str, login: str) -> Permission:
    """The permission of that user name in the project below the path `project`.

    The highest of what a person has by the project itself, its groups and invited groups. Who is
    no member may read what everybody may.
    """
    wanted = login.lower()
    level = 0
    async for member in client.rows(f"{project}/members/all", limit=MAX_MEMBERS, query=login):
        active = member.get("state") in (None, "active")
        given = member.get("access_level")
        if str(member.get("username")).lower() == wanted and active and isinstance(given, int):
            level = max(level, given)
    for least, name in _LEVELS:
        if level >= least:
            return name
    visibility = (await client.get(project)).get("visibility")
    return "read" if visibility == "public" else "none"
