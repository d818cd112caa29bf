"""Proposes changes on GitHub: one commit on a new branch and one pull request of it."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from pipeline_guard.domain.changes import Proposed
from pipeline_guard.errors import Conflict, NotFound, PlatformUnavailable, Rejected
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.comments import fitted
from pipeline_guard.platforms.github.issues import TITLE_CHARS
from pipeline_guard.platforms.github.read import text

_MOST_PAGES: Final = 30
"""GitHub lists at most 3,000 files of a pull request, 100 a page."""
_MOST_REQUESTS: Final = 5
"""Pages of pull requests into one branch, the newest first."""
_PLAIN: Final = ("100644", "100755")
"""Modes of files that are neither links nor submodules."""

Json = dict[str, Any]


class GitHubChanges:
    """The files, branches and pull requests of one repository."""

    def __init__(self, client: Client, repository: str) -> None:
        self._client = client
        self._repository = repository
        self._base = f"/repos/{repository}"
        self._trees: dict[str, dict[str, Json]] = {}

    async def changed_files(self, number: int) -> Sequence[str]:
        """The paths a pull request adds or changes."""
        pages = self._client.pages(
            self._repository, f"{self._base}/pulls/{number}/files", most=_MOST_PAGES
        )
        return [
            path
            async for item in pages
            if item.get("status") != "removed" and (path := text(item, "filename"))
        ]

    async def read_file(self, path: str, commit: str) -> bytes | None:
        """A plain file at a commit."""
        entry = await self._entry(path, commit)
        if entry is None:
            return None
        found = await self._get(f"git/blobs/{text(entry, 'sha')}")
        try:
            return base64.b64decode(text(found, "content") or "")
        except binascii.Error as error:
            raise PlatformUnavailable(f"GitHub's blob of {path} is not base64") from error

    async def is_protected(self, branch: str) -> bool:
        """What the branch itself says; a branch that is gone protects nothing."""
        try:
            found = await self._get(f"branches/{quote(branch, safe='/')}")
        except NotFound:
            return False
        return bool(found.get("protected"))

    async def proposed(self, target: str, prefix: str) -> Sequence[Proposed]:
        """Pull requests into a branch, of branches of this repository that so begin."""
        pages = self._client.pages(
            self._repository,
            f"{self._base}/pulls",
            most=_MOST_REQUESTS,
            state="all",
            base=target,
            sort="created",
            direction="desc",
        )
        return [
            _proposed(item)
            async for item in pages
            if (text(item, "head", "ref") or "").startswith(prefix)
            and text(item, "head", "repo", "full_name") == self._repository
        ]

    async def request(self, number: int) -> Proposed:
        """One pull request as it is now."""
        return _proposed(await self._get(f"pulls/{number}"))

    async def create_branch(
        self, name: str, base: str, files: Mapping[str, bytes], message: str
    ) -> str:
        """The commit of a new branch; trees are named by their content, so it can be told again."""
        commit = await self._get(f"git/commits/{base}")
        entries = []
        for path, content in files.items():
            entry = await self._entry(path, base)
            if entry is None:
                raise Conflict(f"{path} is no plain file at {base[:10]}")
            mode = text(entry, "mode")
            entries.append(
                {"path": path, "mode": mode, "type": "blob", "content": content.decode()}
            )
        tree = await self._post(
            "git/trees", {"base_tree": text(commit, "tree", "sha"), "tree": entries}
        )
        sha = text(tree, "sha") or ""
        known = await self._head(name)
        if known is None:
            data = {"message": message, "tree": sha, "parents": [base]}
            made = await self._post("git/commits", data)
            known = await self._point(name, text(made, "sha") or "")
        return await self._ours(known, name, base, sha)

    async def open_request(self, source: str, target: str, title: str, body: str) -> Proposed:
        """The open pull request, made if there is none; GitHub knows one per pair of branches."""
        found = await self._open_one(source, target)
        if found is not None:
            return found
        data = {
            "title": " ".join(title.split())[:TITLE_CHARS],
            "head": source,
            "base": target,
            "body": fitted(body, ""),
            "maintainer_can_modify": False,
        }
        try:
            return _proposed(await self._post("pulls", data))
        except (PlatformUnavailable, Rejected) as error:
            # Made before the answer was lost, or a moment ago by somebody else: 422 tells so.
            found = await self._open_one(source, target)
            if found is None:
                raise error from None
            return found

    async def _open_one(self, source: str, target: str) -> Proposed | None:
        found = await self.proposed(target, source)
        return next((one for one in found if one.branch == source and one.state == "open"), None)

    async def _head(self, branch: str) -> str | None:
        try:
            found = await self._get(f"git/ref/heads/{quote(branch, safe='/')}")
        except NotFound:
            return None
        return text(found, "object", "sha")

    async def _point(self, name: str, sha: str) -> str:
        """Make the branch; where it was there before, what it is at."""
        try:
            await self._post("git/refs", {"ref": f"refs/heads/{name}", "sha": sha})
        except (PlatformUnavailable, Rejected) as error:
            found = await self._head(name)
            if found is None:
                raise error from None
            return found
        return sha

    async def _ours(self, head: str, name: str, base: str, tree: str) -> str:
        """The branch's head, if it is the very change that we would make."""
        commit = await self._get(f"git/commits/{head}")
        parents = [text(item, "sha") for item in commit.get("parents") or []]
        if parents != [base] or text(commit, "tree", "sha") != tree:
            raise Conflict(f"The branch {name} exists and holds something else")
        return head

    async def _entry(self, path: str, commit: str) -> Json | None:
        """A plain file's entry in its folder's tree, found from the root down."""
        tree: str | None = text(await self._get(f"git/commits/{commit}"), "tree", "sha")
        *folders, name = path.split("/")
        for folder in folders:
            entry = (await self._tree(tree)).get(folder) if tree else None
            tree = text(entry, "sha") if entry and entry.get("type") == "tree" else None
        found = (await self._tree(tree)).get(name) if tree else None
        return found if found and found.get("mode") in _PLAIN else None

    async def _tree(self, sha: str) -> dict[str, Json]:
        if sha not in self._trees:
            listed = (await self._get(f"git/trees/{sha}")).get("tree") or []
            self._trees[sha] = {str(item.get("path")): item for item in listed}
        return self._trees[sha]

    async def _get(self, path: str) -> Json:
        answer = await self._client.get(self._repository, f"{self._base}/{path}")
        return _object(answer.data, path)

    async def _post(self, path: str, data: Json) -> Json:
        answer = await self._client.send("POST", self._repository, f"{self._base}/{path}", data)
        return _object(answer.data, path)


def _object(data: Any, path: str) -> Json:
    if not isinstance(data, dict):
        raise PlatformUnavailable(f"GitHub's answer for {path.partition('/')[0]} is no JSON object")
    return data


def _proposed(item: Json) -> Proposed:
    merged = text(item, "merged_at") is not None
    return Proposed(
        number=int(item.get("number") or 0),
        url=text(item, "html_url"),
        branch=text(item, "head", "ref") or "",
        state="open" if item.get("state") == "open" else "merged" if merged else "closed",
    )
