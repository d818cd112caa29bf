"""Finds the open pull request a run belongs to, and the newest commit of its branch."""

from collections.abc import Collection
from typing import Any, Final
from urllib.parse import quote

from pipeline_guard.domain.runs import ChangeRequest
from pipeline_guard.errors import NotFound, PlatformError
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.read import dig, request_from, text

_PAGES_OF_PULLS: Final = 3
"""Of the most recently updated open requests, 300 are compared; older ones run no pipeline."""

_NEVER_REQUESTED: Final = ("schedule", "release", "deployment", "deployment_status")
"""Triggers that have nothing to do with a pull request."""

Json = dict[str, Any]


class Pulls:
    """Look-ups that may fail without harm: whatever cannot be told is left out."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def find(
        self, repository: str, run: Json, first: Collection[int] = ()
    ) -> ChangeRequest | None:
        """The open pull request of a run: named by it, or having its commit as (former) head.

        Of several, one of the numbers in `first` comes before the others.
        Events of forks name none: GitHub leaves `pull_requests` empty there. Raises only errors
        that are worth a retry.
        """
        named = dig(run, "pull_requests")
        named = named if isinstance(named, list) else []
        for entry in sorted(named, key=lambda item: dig(item, "number") not in first):
            found = await self._read(repository, entry)
            if found is not None:
                return found
        sha = text(run, "head_sha")
        if sha is None:
            return None
        listed = await self._optional_list(repository, f"/repos/{repository}/commits/{sha}/pulls")
        best = _best(listed or [], run, repository, first)
        if best is not None or run.get("event") in _NEVER_REQUESTED:
            return best
        pulls = await self._optional_list(
            repository,
            f"/repos/{repository}/pulls",
            state="open",
            sort="updated",
            direction="desc",
        )
        heads = [pull for pull in pulls or [] if _is_head(pull, run)]
        return _best(heads, run, repository, first)

    async def again(self, repository: str, known: ChangeRequest) -> ChangeRequest | None:
        """A known request as it is now, None when it was closed."""
        try:
            answer = await self._client.get(repository, f"/repos/{repository}/pulls/{known.number}")
        except PlatformError as error:
            if error.worth_retry:
                raise
            return known
        return request_from(answer.data or {}, repository)

    async def read(self, repository: str, number: int) -> ChangeRequest | None:
        """The request of that number, None when it is closed or not there."""
        try:
            answer = await self._client.get(repository, f"/repos/{repository}/pulls/{number}")
        except NotFound:
            return None
        return request_from(answer.data or {}, repository)

    async def head(self, repository: str, run: Json) -> str | None:
        """The newest commit of the run's branch; "" when the branch is gone, None when untold.

        What was deleted is superseded: nobody waits for its re-run.
        """
        branch = text(run, "head_branch")
        if branch is None:
            return None
        home = text(run, "head_repository", "full_name") or repository
        path = f"/repos/{home}/branches/{quote(branch, safe='/')}"
        try:
            answer = await self._client.get(repository, path)
        except NotFound as error:
            if "branch not found" not in str(error).lower():
                return None
            return await self._tagged(repository, home, branch)
        except PlatformError as error:
            if error.worth_retry:
                raise
            return None
        return text(answer.data, "commit", "sha")

    async def _tagged(self, repository: str, home: str, name: str) -> str | None:
        """A run of a tag has the tag as its branch: then nothing supersedes it."""
        path = f"/repos/{home}/git/ref/tags/{quote(name, safe='/')}"
        try:
            await self._client.get(repository, path)
        except NotFound:
            return ""
        except PlatformError:
            return None
        return None

    async def _read(self, repository: str, entry: Any) -> ChangeRequest | None:
        number = dig(entry, "number")
        if not isinstance(number, int):
            return None
        try:
            answer = await self._client.get(repository, f"/repos/{repository}/pulls/{number}")
        except PlatformError as error:
            if error.worth_retry:
                raise
            return request_from(entry, repository)
        return request_from(answer.data or {}, repository)

    async def _optional_list(self, repository: str, path: str, **query: Any) -> list[Json] | None:
        """The items, or None where the platform does not offer the list."""
        pages = self._client.pages(repository, path, most=_PAGES_OF_PULLS, **query)
        try:
            return [item async for item in pages]
        except PlatformError as error:
            if error.worth_retry:
                raise
            return None


def _is_head(pull: Json, run: Json) -> bool:
    """True when the run's commit is the request's head, or its branch is (and has moved on)."""
    if text(pull, "head", "sha") == text(run, "head_sha"):
        return True
    home, branch = text(run, "head_repository", "full_name"), text(run, "head_branch")
    return (
        home is not None
        and branch is not None
        and text(pull, "head", "repo", "full_name") == home
        and text(pull, "head", "ref") == branch
    )


def _best(
    pulls: list[Json], run: Json, repository: str, first: Collection[int]
) -> ChangeRequest | None:
    """The open one whose head is this run's commit, then the one of its branch, then any."""
    sha, branch = text(run, "head_sha"), text(run, "head_branch")
    ranked = sorted(
        pulls,
        key=lambda pull: (
            text(pull, "head", "sha") != sha,
            text(pull, "head", "ref") != branch,
            dig(pull, "number") not in first,
        ),
    )
    found = (request_from(pull, repository) for pull in ranked)
    return next((request for request in found if request is not None), None)
