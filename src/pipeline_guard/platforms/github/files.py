"""Reads the files of a repository as they were at a run's commit, its workflow's among them."""

from urllib.parse import quote

from pipeline_guard.domain.runs import Run
from pipeline_guard.errors import NotFound
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.read import content_of


def workflow_of(run: Run) -> str:
    """The path of the run's workflow, "" where it is not told; GitHub may put a ref behind it."""
    return str(run.hints.get("workflow_path") or "").partition("@")[0]


async def file_at(client: Client, run: Run, path: str) -> bytes | None:
    """A file at the run's commit; None when it is not there, or over 1 MB."""
    where = f"/repos/{run.repository}/contents/{quote(path)}"
    try:
        return content_of((await client.get(run.repository, where, ref=run.commit)).data)
    except NotFound:
        return None
