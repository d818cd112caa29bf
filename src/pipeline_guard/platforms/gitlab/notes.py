"""Keeps one merge-request note of ours: finds it, writes it only when it changed, never twice."""

import re
from typing import Final

from pipeline_guard.domain.capabilities import CommentResult
from pipeline_guard.errors import NotFound, PlatformUnavailable
from pipeline_guard.platforms.gitlab.client import GitLabClient, Json
from pipeline_guard.platforms.gitlab.shapes import id_of

MAX_CHARS: Final = 1_000_000
"""GitLab's limit on the body of a note."""
MAX_NOTES: Final = 3_000
"""How many notes of one request are searched for ours, oldest first."""
CUT: Final = "\n\n(cut: longer than GitLab allows)\n"
QUICK_ACTION: Final = re.compile(
    r"^(\s*)(/(?!guard\b)[a-z_]+)(?=\s|$)", re.MULTILINE | re.IGNORECASE
)


def inert(body: str) -> str:
    """`body` with GitLab's quick actions (a line such as `/close`) made plain text.

    Quoted log lines must never act with our permissions; a zero-width space in front is enough
    and, unlike a backslash, does not show inside code blocks.
    """
    return QUICK_ACTION.sub("\\1\u200b\\2", body)


def fitted(body: str, marker: str) -> str:
    """`body` within GitLab's limit; the marker we find it again by stays in it."""
    if len(body) <= MAX_CHARS:
        return body
    tail = CUT + marker
    return body[: MAX_CHARS - len(tail)] + tail


class Notes:
    """The notes of one merge request.

    `path` is the request's address below /api/v4, `url` its page for people, if known.
    """

    def __init__(self, client: GitLabClient, path: str, url: str | None, login: str) -> None:
        self._client = client
        self._path = f"{path}/notes"
        self._url = url
        self._login = login

    async def upsert(self, marker: str, body: str, known_id: str | None) -> CommentResult:
        """Create or edit our note; see Platform.upsert_comment."""
        text = fitted(inert(body), marker)
        note = await self._known(known_id, marker) or await self._find(marker)
        if note is None:
            return await self._create(marker, text)
        if str(note.get("body")).strip() != text.strip():
            # An edit says the same however often it is sent, so an unclear end may be repeated.
            note = await self._client.write("put", f"{self._path}/{id_of(note)}", {"body": text})
        return self._result(note, created=False)

    async def _known(self, known_id: str | None, marker: str) -> Json | None:
        if not (known_id and known_id.isdecimal()):
            return None
        try:
            note = await self._client.get(f"{self._path}/{known_id}")
        except NotFound:
            return None
        return note if self._ours(note, marker) else None

    async def _find(self, marker: str) -> Json | None:
        notes = self._client.rows(
            self._path,
            limit=MAX_NOTES,
            order_by="created_at",
            sort="asc",
            activity_filter="only_comments",
        )
        async for note in notes:
            if self._ours(note, marker):
                return note
        return None

    def _ours(self, note: Json, marker: str) -> bool:
        author = note.get("author") or {}
        written = author.get("username") == self._login and not note.get("system")
        return written and marker in str(note.get("body"))

    async def _create(self, marker: str, text: str) -> CommentResult:
        try:
            note = await self._client.write("post", self._path, {"body": text})
        except PlatformUnavailable:
            # It may have been written before the answer was lost: look, do not post again.
            found = await self._find(marker)
            if found is None:
                raise
            note = found
        return self._result(note, created=True)

    def _result(self, note: Json, *, created: bool) -> CommentResult:
        number = id_of(note)
        url = f"{self._url}#note_{number}" if self._url else None
        return CommentResult(comment_id=str(number), url=url, created=created)
