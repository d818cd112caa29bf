"""Keeps one merge-request note of ours: finds it, writes it only when it changed, never twice."""

from typing import Final

from pipeline_guard.domain.capabilities import CommentResult, Reaction
from pipeline_guard.domain.commands import RequestComment
from pipeline_guard.errors import NotFound, PlatformUnavailable
from pipeline_guard.platforms.gitlab.client import GitLabClient, Json
from pipeline_guard.platforms.gitlab.shapes import id_of
from pipeline_guard.platforms.gitlab.text import fitted, inert, same

MAX_NOTES: Final = 3_000
"""How many notes of one request are searched for ours, oldest first."""
_SIGNS: Final[dict[Reaction, str]] = {
    "seen": "eyes",
    "done": "tada",
    "refused": "thumbsdown",
    "unclear": "confused",
}


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
        if not same(text, note.get("body")):
            # An edit says the same however often it is sent, so an unclear end may be repeated.
            note = await self._client.write("put", f"{self._path}/{id_of(note)}", {"body": text})
        return self._result(note, created=False)

    async def read(self, note_id: str) -> RequestComment:
        """A person's note as it stands now; raises NotFound when it was deleted."""
        note = await self._client.get(f"{self._path}/{note_id}")
        author = note.get("author") or {}
        return RequestComment(str(author.get("username") or ""), str(note.get("body") or ""))

    async def react(self, note_id: str, reaction: Reaction) -> None:
        """Put our sign on a note; GitLab answers 404 where it is already, and says so."""
        try:
            await self._client.write(
                "post", f"{self._path}/{note_id}/award_emoji", {"name": _SIGNS[reaction]}
            )
        except NotFound as error:
            if "already been taken" not in str(error):
                raise

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
        return author.get("username") == self._login and marker in str(note.get("body"))

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
