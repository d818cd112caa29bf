"""Keeps our one comment on a pull request: found again by its marker, edited in place."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

from pipeline_guard.domain.capabilities import CommentResult, Reaction
from pipeline_guard.domain.commands import RequestComment
from pipeline_guard.errors import NotAuthorized, NotFound, PlatformError, PlatformUnavailable
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.read import text

LONGEST_BODY: Final = 65_536
"""Characters GitHub takes in one comment; it answers 422 to more."""
_CUT: Final = "\n\n…cut, because GitHub takes no longer comments.\n"
_SIGNS: Final[dict[Reaction, str]] = {
    "seen": "eyes",
    "done": "hooray",
    "refused": "-1",
    "unclear": "confused",
}

Identity = Callable[[], Awaitable[str | None]]


class Comments:
    """Finds, creates and edits; `identity` tells our own login, so that only ours are edited."""

    def __init__(self, client: Client, identity: Identity) -> None:
        self._client = client
        self._identity = identity

    async def upsert(
        self, repository: str, number: int, marker: str, body: str, known_id: str | None
    ) -> CommentResult:
        """Leave exactly one comment of ours with this body; raises errors.PlatformError."""
        body = fitted(body, marker)
        known = await self._read(repository, known_id) if known_id else None
        ours = known or await self._find(repository, number, marker)
        if ours is not None:
            try:
                return await self._edit(repository, ours, body)
            except NotFound:
                pass  # deleted meanwhile
            except NotAuthorized as error:  # a copy of our marker in somebody else's comment
                if error.status == HTTPStatus.UNAUTHORIZED:
                    raise
        return await self._create(repository, number, marker, body)

    async def read(self, repository: str, number: int, comment_id: str) -> RequestComment:
        """A comment of that request; raises NotFound where it was deleted or belongs elsewhere."""
        answer = await self._client.get(repository, _path(repository, comment_id))
        where = text(answer.data, "issue_url") or ""
        if where.rpartition("/")[2] != str(number):
            raise NotFound(f"Comment {comment_id} is not one of request {number}")
        return RequestComment(
            author=text(answer.data, "user", "login") or "", body=text(answer.data, "body") or ""
        )

    async def react(self, repository: str, comment_id: str, reaction: Reaction) -> None:
        """Put our sign on a comment; GitHub answers 200 where it is already."""
        path = f"{_path(repository, comment_id)}/reactions"
        await self._client.send("POST", repository, path, {"content": _SIGNS[reaction]})

    async def _read(self, repository: str, comment_id: str) -> dict[str, Any] | None:
        try:
            answer = await self._client.get(repository, _path(repository, comment_id))
        except NotFound:
            return None
        except PlatformError as error:
            if error.worth_retry:
                raise
            return {"id": comment_id}  # it cannot be read, but perhaps written
        return answer.data if isinstance(answer.data, dict) else None

    async def _find(self, repository: str, number: int, marker: str) -> dict[str, Any] | None:
        login = await self._identity()
        path = f"/repos/{repository}/issues/{number}/comments"
        try:
            async for comment in self._client.pages(repository, path):
                if is_by(login, comment) and marker in (text(comment, "body") or ""):
                    return comment
        except NotFound:  # whether one may be written there, writing will tell
            pass
        return None

    async def _edit(self, repository: str, comment: dict[str, Any], body: str) -> CommentResult:
        if _same(text(comment, "body"), body):
            return _result(comment, created=False)
        path = _path(repository, str(comment.get("id")))
        answer = await self._client.send("PATCH", repository, path, {"body": body})
        return _result({**comment, **(answer.data or {})}, created=False)

    async def _create(self, repository: str, number: int, marker: str, body: str) -> CommentResult:
        path = f"/repos/{repository}/issues/{number}/comments"
        try:
            answer = await self._client.send("POST", repository, path, {"body": body})
        except PlatformUnavailable as error:
            made = await self._find(repository, number, marker)  # a 502 may follow a success
            if made is not None:
                return _result(made, created=True)
            if error.status is None:  # it may still be under way: the next try looks first
                raise
            answer = await self._client.send("POST", repository, path, {"body": body})
        return _result(answer.data or {}, created=True)


def is_by(login: str | None, comment: dict[str, Any]) -> bool:
    """True for our own comments; where our login is unknown, for those no person wrote.

    Who may write in a repository may edit the comments of others, so GitHub does not stop us.
    A token that cannot tell its login is one of an App, and Apps write as bots.
    """
    author = text(comment, "user", "login")
    if login is None:
        return text(comment, "user", "type") != "User"
    return author is None or author.lower() == login.lower()


def fitted(body: str, marker: str) -> str:
    """The body with its marker, cut to what GitHub takes."""
    if marker not in body:
        body = f"{marker}\n{body}"
    if len(body) <= LONGEST_BODY:
        return body
    room = LONGEST_BODY - len(_CUT)
    if marker in body[:room]:
        return body[:room] + _CUT
    return f"{marker}\n{body}"[:room] + _CUT


def _path(repository: str, comment_id: str) -> str:
    return f"/repos/{repository}/issues/comments/{comment_id}"


def _same(there: str | None, wanted: str) -> bool:
    """GitHub keeps line ends as they were sent by a browser, so they do not count."""
    return there is not None and there.replace("\r\n", "\n").strip() == wanted.strip()


def _result(comment: dict[str, Any], *, created: bool) -> CommentResult:
    return CommentResult(
        comment_id=str(comment.get("id", "")), url=text(comment, "html_url"), created=created
    )
