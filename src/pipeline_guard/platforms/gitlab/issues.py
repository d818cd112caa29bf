"""Keeps issues of ours on GitLab, found again by their marker, and labels on merge requests."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

from pipeline_guard.domain.tracker import Issue, IssueDraft
from pipeline_guard.errors import PlatformUnavailable
from pipeline_guard.platforms.gitlab.client import GitLabClient, Json
from pipeline_guard.platforms.gitlab.shapes import id_of
from pipeline_guard.platforms.gitlab.text import fitted, inert, same

MAX_ISSUES: Final = 1_000
"""How many of our own issues in one project are searched, the newest first."""
TITLE_CHARS: Final = 255


class Issues:
    """The issues of one project; `path` is its address below /api/v4, `login` tells our name."""

    def __init__(
        self, client: GitLabClient, path: str, login: Callable[[], Awaitable[str]]
    ) -> None:
        self._client = client
        self._path = f"{path}/issues"
        self._login = login

    async def find(self, marker: str) -> Issue | None:
        """Ours with that marker, an open one first."""
        mine = self._client.rows(
            self._path, limit=MAX_ISSUES, author_username=await self._login(), scope="all"
        )
        closed = None
        async for item in mine:
            if marker in str(item.get("description")):
                found = _issue(item)
                if found.is_open:
                    return found
                closed = closed or found
        return closed

    async def read(self, number: int) -> Issue:
        """One issue as it is now; GitLab tells no reason why one was closed."""
        return _issue(await self._client.get(f"{self._path}/{number}"))

    async def create(self, marker: str, draft: IssueDraft) -> Issue:
        """Open an issue; GitLab makes labels that are not there yet."""
        data = {
            "title": " ".join(draft.title.split())[:TITLE_CHARS],
            "description": fitted(inert(draft.body), marker),
            "labels": ",".join(draft.labels),
        }
        try:
            return _issue(await self._client.write("post", self._path, data))
        except PlatformUnavailable:
            # It may have been made before the answer was lost: look, do not post again.
            found = await self.find(marker)
            if found is None or not found.is_open:
                raise
            return found

    async def edit(self, issue: Issue, *, body: str, is_open: bool) -> Issue:
        """One call for the text and the state, none when both are so already."""
        text = inert(body)
        if same(text, issue.body) and is_open == issue.is_open:
            return issue
        data = {"description": text}
        if is_open != issue.is_open:
            data["state_event"] = "reopen" if is_open else "close"
        return _issue(await self._client.write("put", f"{self._path}/{issue.number}", data))


async def change_labels(
    client: GitLabClient, path: str, add: Sequence[str], remove: Sequence[str]
) -> None:
    """One call for both; `path` is the merge request's. A label with a comma would be two."""
    data = {
        "add_labels": ",".join(name.replace(",", " ") for name in add),
        "remove_labels": ",".join(name.replace(",", " ") for name in remove),
    }
    kept = {key: value for key, value in data.items() if value}
    if kept:
        await client.write("put", path, kept)


def _issue(item: Json) -> Issue:
    return Issue(
        number=id_of(item, "iid"),
        url=item.get("web_url"),
        is_open=item.get("state") == "opened",
        body=str(item.get("description") or ""),
        closed_at=datetime.fromisoformat(closed) if (closed := item.get("closed_at")) else None,
    )
