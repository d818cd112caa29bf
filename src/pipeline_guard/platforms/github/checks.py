"""Keeps our one check run per commit on GitHub: a neutral word in the list of checks, edited."""

from collections.abc import Sequence
from typing import Any, Final

from pipeline_guard.domain.tracker import Annotation, CheckDraft, CheckResult
from pipeline_guard.errors import NotFound, PlatformUnavailable
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.read import dig, text

NAME: Final = "Pipeline Guard"
EXTERNAL_ID: Final = "pipeline-guard"
"""Tells our check run from one of the same name that somebody else made."""
BATCH: Final = 50
"""Annotations GitHub takes in one call; further calls add to them."""
LONGEST: Final = 65_535
"""Characters GitHub takes in a summary, a text or the message of an annotation."""
_LONGEST_TITLE: Final = 255
# https://docs.github.com/en/rest/checks/runs

Json = dict[str, Any]
Place = tuple[str, int, str]


class Checks:
    """The check runs of one repository."""

    def __init__(self, client: Client, repository: str) -> None:
        self._client = client
        self._repository = repository
        self._path = f"/repos/{repository}/check-runs"

    async def put(self, draft: CheckDraft, known_id: str | None) -> CheckResult:
        """Create or edit; annotations can only be added, so those that are there stay out."""
        found = await self._known(known_id, draft.commit) or await self._find(draft.commit)
        there = await self._annotated(found) if found else frozenset[Place]()
        fresh = [item for item in draft.annotations if _place(item) not in there]
        first, rest = fresh[:BATCH], fresh[BATCH:]
        if found is None:
            found = await self._create(draft, first)
        else:
            found = await self._edit(found, draft, first)
        for start in range(0, len(rest), BATCH):
            found = await self._edit(found, draft, rest[start : start + BATCH])
        return CheckResult(str(found["id"]), text(found, "html_url"))

    async def _known(self, known_id: str | None, commit: str) -> Json | None:
        if known_id is None:
            return None
        try:
            answer = await self._client.get(self._repository, f"{self._path}/{known_id}")
        except NotFound:
            return None
        ours = text(answer.data, "head_sha") == commit
        return answer.data if ours else None

    async def _find(self, commit: str) -> Json | None:
        path = f"/repos/{self._repository}/commits/{commit}/check-runs"
        pages = self._client.pages(self._repository, path, "check_runs", most=1, check_name=NAME)
        async for item in pages:
            if item.get("external_id") == EXTERNAL_ID:
                return item
        return None

    async def _annotated(self, found: Json) -> frozenset[Place]:
        """What it carries, if it carries any."""
        if not dig(found, "output", "annotations_count"):
            return frozenset()
        path = f"{self._path}/{found['id']}/annotations"
        pages = self._client.pages(self._repository, path)
        return frozenset(
            [
                (item.get("path") or "", item.get("start_line") or 0, item.get("message") or "")
                async for item in pages
            ]
        )

    async def _create(self, draft: CheckDraft, annotations: Sequence[Annotation]) -> Json:
        data = {
            "name": NAME,
            "head_sha": draft.commit,
            "external_id": EXTERNAL_ID,
            **_content(draft, annotations),
        }
        try:
            answer = await self._client.send("POST", self._repository, self._path, data)
        except PlatformUnavailable:
            found = await self._find(draft.commit)  # a 502 may follow a success
            if found is None:
                raise
            return found
        return _whole(answer.data)

    async def _edit(
        self, found: Json, draft: CheckDraft, annotations: Sequence[Annotation]
    ) -> Json:
        path = f"{self._path}/{found['id']}"
        data = _content(draft, annotations)
        return _whole((await self._client.send("PATCH", self._repository, path, data)).data)


def _whole(data: Any) -> Json:
    if not isinstance(data, dict) or "id" not in data:
        raise PlatformUnavailable("GitHub's answer about a check run has no id")
    return data


def _content(draft: CheckDraft, annotations: Sequence[Annotation]) -> Json:
    output: Json = {"title": draft.title[:_LONGEST_TITLE], "summary": draft.summary[:LONGEST]}
    if draft.details:
        output["text"] = draft.details[:LONGEST]
    if annotations:
        output["annotations"] = [_annotation(item) for item in annotations]
    content: Json = {"status": "completed", "conclusion": "neutral", "output": output}
    return content | ({"details_url": draft.url} if draft.url else {})


def _annotation(item: Annotation) -> Json:
    shape: Json = {
        "path": item.path,
        "start_line": item.line,
        "end_line": item.line,
        "annotation_level": item.level,
        "message": item.message[:LONGEST],
    }
    return shape | ({"title": item.title[:_LONGEST_TITLE]} if item.title else {})


def _place(item: Annotation) -> Place:
    return item.path, item.line, item.message[:LONGEST]
