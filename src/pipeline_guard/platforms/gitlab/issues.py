"""Keeps one issue of ours per marker: opened once, rewritten when it changed, closed when over."""

from collections.abc import Sequence
from typing import Final

from pipeline_guard.errors import PlatformUnavailable
from pipeline_guard.platforms.gitlab.client import GitLabClient, Json
from pipeline_guard.platforms.gitlab.shapes import Opened, id_of
from pipeline_guard.platforms.gitlab.text import fitted, inert, same

MAX_ISSUES: Final = 1_000
"""How many of our own open issues in one project are searched."""
TITLE_CHARS: Final = 255


class Issues:
    """The issues of one project; `path` is the project's address below /api/v4."""

    def __init__(self, client: GitLabClient, path: str, login: str) -> None:
        self._client = client
        self._path = f"{path}/issues"
        self._login = login

    async def open(self, marker: str, title: str, body: str, labels: Sequence[str]) -> Opened:
        """Our open issue that holds `marker`, made if there is none."""
        if found := await self._find(marker):
            return _opened(found, created=False)
        data = {
            "title": " ".join(title.split())[:TITLE_CHARS],
            "description": fitted(inert(body), marker),
            "labels": ",".join(labels),
        }
        try:
            issue = await self._client.write("post", self._path, data)
        except PlatformUnavailable:
            # It may have been made before the answer was lost: look, do not post again.
            found = await self._find(marker)
            if found is None:
                raise
            issue = found
        return _opened(issue, created=True)

    async def _find(self, marker: str) -> Json | None:
        mine = self._client.rows(
            self._path, limit=MAX_ISSUES, state="opened", author_username=self._login
        )
        async for issue in mine:
            if marker in str(issue.get("description")):
                return issue
        return None

    async def update(self, number: int, marker: str, body: str) -> None:
        """Replace the description, unless it says so already."""
        text = fitted(inert(body), marker)
        issue = await self._client.get(f"{self._path}/{number}")
        if not same(text, issue.get("description")):
            await self._client.write("put", f"{self._path}/{number}", {"description": text})

    async def close(self, number: int) -> None:
        """Close it, unless it is closed."""
        issue = await self._client.get(f"{self._path}/{number}")
        if issue.get("state") != "closed":
            await self._client.write("put", f"{self._path}/{number}", {"state_event": "close"})


def _opened(issue: Json, *, created: bool) -> Opened:
    return Opened(id_of(issue, "iid"), issue.get("web_url"), created)
