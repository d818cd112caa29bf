"""Proposes changes: one commit on a new branch and one merge request of it, nothing else."""

import base64
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from pipeline_guard.errors import Conflict, NotFound, PlatformUnavailable
from pipeline_guard.platforms.gitlab.client import GitLabClient, Json
from pipeline_guard.platforms.gitlab.shapes import Opened, id_of
from pipeline_guard.platforms.gitlab.text import MAX_CHARS, inert, same

TITLE_CHARS: Final = 255
MAX_REQUESTS: Final = 100


class Changes:
    """Branches and merge requests of one project; `path` is its address below /api/v4."""

    def __init__(self, client: GitLabClient, path: str) -> None:
        self._client = client
        self._path = path

    async def branch(
        self, name: str, base_sha: str, files: Mapping[str, bytes | None], message: str
    ) -> str:
        """The commit at the head of the new branch `name`; see create_branch_with_files."""
        if head := await self._head(name):
            return self._ours(head, name, base_sha, message)
        data = {
            "branch": name,
            # With a start, GitLab refuses a branch that exists: nobody's work is overwritten.
            "start_sha": base_sha,
            "commit_message": message,
            "actions": [await self._action(path, files[path], base_sha) for path in sorted(files)],
        }
        try:
            commit = await self._client.write("post", f"{self._path}/repository/commits", data)
        except PlatformUnavailable:
            head = await self._head(name)
            if head is None:
                raise
            return self._ours(head, name, base_sha, message)
        return str(commit.get("id"))

    async def _head(self, branch: str) -> Json | None:
        # Not the branches list: its commits come without their parents.
        try:
            return await self._client.get(
                f"{self._path}/repository/commits/{quote(branch, safe='')}"
            )
        except NotFound:
            return None

    def _ours(self, head: Json, name: str, base_sha: str, message: str) -> str:
        """The head's id if it is the very commit we would make."""
        if head.get("parent_ids") != [base_sha] or not same(message, head.get("message")):
            raise Conflict(f"The branch {name} exists and holds something else")
        return str(head.get("id"))

    async def _action(self, path: str, content: bytes | None, base_sha: str) -> dict[str, Any]:
        if content is None:
            return {"action": "delete", "file_path": path}
        return {
            "action": "update" if await self._exists(path, base_sha) else "create",
            "file_path": path,
            "encoding": "base64",
            "content": base64.b64encode(content).decode(),
        }

    async def _exists(self, path: str, sha: str) -> bool:
        try:
            await self._client.get(f"{self._path}/repository/files/{quote(path, safe='')}", ref=sha)
        except NotFound:
            return False
        return True

    async def request(self, source: str, target: str, title: str, body: str) -> Opened:
        """The open merge request of `source` into `target`, made if there is none."""
        if found := await self._find(source, target):
            return _opened(found, created=False)
        data = {
            "source_branch": source,
            "target_branch": target,
            "title": " ".join(title.split())[:TITLE_CHARS],
            "description": inert(body)[:MAX_CHARS],
            "remove_source_branch": True,
        }
        try:
            made = await self._client.write("post", f"{self._path}/merge_requests", data)
        except (PlatformUnavailable, Conflict) as error:
            # Made before the answer was lost, or by another worker meanwhile.
            found = await self._find(source, target)
            if found is None:
                raise
            return _opened(found, created=isinstance(error, PlatformUnavailable))
        return _opened(made, created=True)

    async def _find(self, source: str, target: str) -> Json | None:
        found = await self._client.list(
            f"{self._path}/merge_requests",
            limit=MAX_REQUESTS,
            state="opened",
            source_branch=source,
            target_branch=target,
        )
        # A fork may have a branch of the same name; ours is in the project itself.
        own = (one for one in found if one.get("source_project_id") == one.get("target_project_id"))
        return next(own, None)


def _opened(request: Json, *, created: bool) -> Opened:
    return Opened(id_of(request, "iid"), request.get("web_url"), created)
