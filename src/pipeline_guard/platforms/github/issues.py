"""Keeps issues of ours on GitHub, found again by their marker, and labels on pull requests."""

import contextlib
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from pipeline_guard.domain.tracker import Issue, IssueDraft
from pipeline_guard.errors import NotFound, PlatformUnavailable
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.comments import Identity, fitted, is_by
from pipeline_guard.platforms.github.read import text, when

TITLE_CHARS: Final = 256
"""GitHub answers 422 to a longer title."""
_MOST_PAGES: Final = 10
"""Of our issues, 1,000 are searched, the newest first."""

Json = dict[str, Any]


class Issues:
    """The issues of one repository; `identity` tells our own login."""

    def __init__(self, client: Client, repository: str, identity: Identity) -> None:
        self._client = client
        self._repository = repository
        self._path = f"/repos/{repository}/issues"
        self._identity = identity

    async def find(self, marker: str) -> Issue | None:
        """Ours with that marker, an open one first; the list holds pull requests, too."""
        login = await self._identity()
        query = {"creator": login} if login else {}
        pages = self._client.pages(
            self._repository, self._path, most=_MOST_PAGES, state="all", **query
        )
        closed = None
        async for item in pages:
            ours = "pull_request" not in item and is_by(login, item)
            if ours and marker in (text(item, "body") or ""):
                found = _issue(item)
                if found.is_open:
                    return found
                closed = closed or found
        return closed

    async def read(self, number: int) -> Issue:
        """One issue as it is now; a deleted one answers 404 or 410."""
        answer = await self._client.get(self._repository, f"{self._path}/{number}")
        return _issue(answer.data or {})

    async def create(self, marker: str, draft: IssueDraft) -> Issue:
        """Open an issue; GitHub makes labels that are not there yet."""
        data = {
            "title": " ".join(draft.title.split())[:TITLE_CHARS],
            "body": fitted(draft.body, marker),
            "labels": list(draft.labels),
        }
        try:
            answer = await self._client.send("POST", self._repository, self._path, data)
        except PlatformUnavailable as error:
            found = await self.find(marker)  # a 502 may follow a success
            if found is not None and found.is_open:
                return found
            if error.status is None:  # it may still be under way: the next try looks first
                raise
            answer = await self._client.send("POST", self._repository, self._path, data)
        return _issue(answer.data or {})

    async def edit(self, issue: Issue, *, body: str, is_open: bool) -> Issue:
        """One call for the text and the state, none when both are so already."""
        if (body.strip(), is_open) == (issue.body.strip(), issue.is_open):
            return issue
        data: Json = {"body": body}
        if is_open != issue.is_open:
            data["state"] = "open" if is_open else "closed"
        path = f"{self._path}/{issue.number}"
        return _issue((await self._client.send("PATCH", self._repository, path, data)).data or {})


async def change_labels(
    client: Client, repository: str, number: int, add: Sequence[str], remove: Sequence[str]
) -> None:
    """Add labels in one call; take off one at a time what may be there."""
    path = f"/repos/{repository}/issues/{number}/labels"
    if add:
        await client.send("POST", repository, path, {"labels": list(add)})
    for name in remove:
        with contextlib.suppress(NotFound):  # it is not on the request
            await client.send("DELETE", repository, f"{path}/{quote(name, safe='')}")


def _issue(item: Json) -> Issue:
    return Issue(
        number=int(item.get("number") or 0),
        url=text(item, "html_url"),
        is_open=item.get("state") == "open",
        body=(text(item, "body") or "").replace("\r\n", "\n"),
        closed_at=when(item, "closed_at"),
        not_planned=text(item, "state_reason") in ("not_planned", "duplicate"),
    )
