"""Reads files and proposes changes on GitLab: one commit on a new branch, one merge request."""

import base64
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from pipeline_guard.domain.changes import Proposed
from pipeline_guard.errors import Conflict, NotFound, PlatformUnavailable
from pipeline_guard.platforms.gitlab.client import GitLabClient, Json
from pipeline_guard.platforms.gitlab.shapes import content_of, id_of
from pipeline_guard.platforms.gitlab.text import MAX_CHARS, inert, same

TITLE_CHARS: Final = 255
MAX_REQUESTS: Final = 100
MAX_FILES: Final = 3_000
"""Of a merge request; GitLab itself shows no more."""


class GitLabChanges:
    """Files, branches and merge requests of one project; `path` is its address below /api/v4."""

    def __init__(self, client: GitLabClient, path: str) -> None:
        self._client = client
        self._path = path

    async def changed_files(self, number: int) -> Sequence[str]:
        """The paths a merge request adds or changes."""
        path = f"{self._path}/merge_requests/{number}/diffs"
        found = await self._client.list(path, limit=MAX_FILES)
        return [str(item.get("new_path")) for item in found if not item.get("deleted_file")]

    async def read_file(self, path: str, commit: str) -> bytes | None:
        """A file at a commit; GitLab tells no link from a file, so a link is its target's name."""
        try:
            return content_of(await self._client.get(self._file(path), ref=commit))
        except NotFound:
            return None

    async def is_protected(self, branch: str) -> bool:
        """What the branch itself says; a branch that is gone protects nothing."""
        try:
            found = await self._client.get(
                f"{self._path}/repository/branches/{quote(branch, safe='')}"
            )
        except NotFound:
            return False
        return bool(found.get("protected"))

    async def proposed(self, target: str, prefix: str) -> Sequence[Proposed]:
        """Merge requests into a branch, of branches of this project that so begin."""
        found = await self._requests(state="all", target_branch=target)
        return [_proposed(one) for one in found if str(one.get("source_branch")).startswith(prefix)]

    async def request(self, number: int) -> Proposed:
        """One merge request as it is now."""
        return _proposed(await self._client.get(f"{self._path}/merge_requests/{number}"))

    async def create_branch(
        self, name: str, base: str, files: Mapping[str, bytes], message: str
    ) -> str:
        """The commit of a new branch; an existing one, protected or not, is never written to."""
        if head := await self._head(name):
            return self._ours(head, name, base, message)
        data = {
            "branch": name,
            # With a start, GitLab refuses a branch that exists: nobody's work is overwritten.
            "start_sha": base,
            "commit_message": message,
            "actions": [
                {
                    "action": "update",
                    "file_path": path,
                    "encoding": "base64",
                    "content": base64.b64encode(files[path]).decode(),
                }
                for path in sorted(files)
            ],
        }
        try:
            commit = await self._client.write("post", f"{self._path}/repository/commits", data)
        except PlatformUnavailable:
            head = await self._head(name)
            if head is None:
                raise
            return self._ours(head, name, base, message)
        return str(commit.get("id"))

    async def _head(self, branch: str) -> Json | None:
        # Not the branches list: its commits come without their parents.
        try:
            return await self._client.get(
                f"{self._path}/repository/commits/{quote(branch, safe='')}"
            )
        except NotFound:
            return None

    def _ours(self, head: Json, name: str, base: str, message: str) -> str:
        """The head's id if it is the very commit we would make."""
        if head.get("parent_ids") != [base] or not same(message, head.get("message")):
            raise Conflict(f"The branch {name} exists and holds something else")
        return str(head.get("id"))

    async def open_request(self, source: str, target: str, title: str, body: str) -> Proposed:
        """The open merge request of `source` into `target`, made if there is none."""
        if found := await self._find(source, target):
            return _proposed(found)
        data = {
            "source_branch": source,
            "target_branch": target,
            "title": " ".join(title.split())[:TITLE_CHARS],
            "description": inert(body)[:MAX_CHARS],
            "remove_source_branch": True,
        }
        try:
            made = await self._client.write("post", f"{self._path}/merge_requests", data)
        except (PlatformUnavailable, Conflict):
            # Made before the answer was lost, or by another worker meanwhile.
            found = await self._find(source, target)
            if found is None:
                raise
            return _proposed(found)
        return _proposed(made)

    async def _find(self, source: str, target: str) -> Json | None:
        found = await self._requests(state="opened", source_branch=source, target_branch=target)
        return next(iter(found), None)

    async def _requests(self, **query: str) -> list[Json]:
        path = f"{self._path}/merge_requests"
        found = await self._client.list(path, limit=MAX_REQUESTS, **query)
        # A fork may have a branch of the same name; ours is in the project itself.
        return [
            one for one in found if one.get("source_project_id") == one.get("target_project_id")
        ]

    def _file(self, path: str) -> str:
        return f"{self._path}/repository/files/{quote(path, safe='')}"


def _proposed(request: Json) -> Proposed:
    state = request.get("state")
    return Proposed(
        number=id_of(request, "iid"),
        url=request.get("web_url"),
        branch=str(request.get("source_branch")),
        state="merged" if state == "merged" else "open" if state == "opened" else "closed",
    )
