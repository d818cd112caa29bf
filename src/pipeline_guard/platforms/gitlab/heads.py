"""Tells the newest commit of what a pipeline ran for: its merge request's, else its branch's."""

from datetime import datetime
from typing import Final
from urllib.parse import quote

from pipeline_guard.errors import NotFound, PlatformError
from pipeline_guard.platforms.gitlab import shapes
from pipeline_guard.platforms.gitlab.client import GitLabClient, Json

MOST_VERSIONS: Final = 100


async def newest_commit(
    client: GitLabClient, base: str, pipeline: Json, merge_request: Json | None
) -> str | None:
    """The newest commit, in the terms of the pipeline's own; `base` is its project's address.

    "" when the branch is gone, so that nobody waits for a retry; None when it is not told.
    """
    if merge_request is None:
        ref = pipeline.get("ref")
        named = ref and not pipeline.get("tag") and not str(ref).startswith("refs/")
        return await _of_branch(client, base, str(ref)) if named else None
    head: str | None = merge_request.get("sha")
    if merge_request.get("state") != "opened":
        head = await _of_source(client, merge_request)
    if head and await _was_merged_from(client, pipeline, merge_request, head):
        head = pipeline.get("sha")
    return head


async def _of_source(client: GitLabClient, merge_request: Json) -> str | None:
    """The branch of a request that is over; GitLab closes one whose branch is deleted."""
    source = merge_request.get("source_project_id")
    if source is None:
        return ""  # the fork is gone
    branch = str(merge_request.get("source_branch"))
    return await _of_branch(client, f"/projects/{source}", branch)


async def _of_branch(client: GitLabClient, base: str, name: str) -> str | None:
    try:
        branch = await client.get(f"{base}/repository/branches/{quote(name, safe='')}")
    except PlatformError as error:
        if error.worth_retry:
            raise
        # The project itself may be hidden from us, which is a 404 as well.
        gone = isinstance(error, NotFound) and "branch not found" in str(error).lower()
        return "" if gone else None
    commit = branch.get("commit") or {}
    head: str | None = commit.get("id")
    return head


async def _was_merged_from(
    client: GitLabClient, pipeline: Json, merge_request: Json, head: str
) -> bool:
    """Does the pipeline run on a commit that GitLab merged from that head, and is it the newest?

    Its own commit is never the request's head, and may be squashed or rebased. But the request's
    versions tell its head at the time when the pipeline was made.
    """
    newest = (merge_request.get("head_pipeline") or {}).get("id")
    if not shapes.runs_on_a_merge(pipeline) or newest != pipeline.get("id"):
        return False
    home, iid = merge_request.get("target_project_id"), merge_request.get("iid")
    path = f"/projects/{home}/merge_requests/{iid}/versions"
    try:
        versions = await client.list(path, limit=MOST_VERSIONS)
    except PlatformError as error:
        if error.worth_retry:
            raise
        return True
    made = shapes.time_of(pipeline.get("created_at"))
    return _head_at(made, versions) in (None, head)


def _head_at(moment: datetime | None, versions: list[Json]) -> str | None:
    """The request's head at a moment; versions are listed the newest first."""
    for version in versions:
        since = shapes.time_of(version.get("created_at"))
        if moment and since and since <= moment:
            sha: str | None = version.get("head_commit_sha")
            return sha
    return None
