"""Tells which jobs of a pipeline deploy: GitLab keeps a deployment for each that is to.

One is there as soon as what the job waits for is over, so skipped and manual jobs have theirs. Jobs
that only prepare, verify, access or stop an environment get none.
"""

from typing import Final

from pipeline_guard.domain.runs import Run
from pipeline_guard.platforms.gitlab.client import GitLabClient
from pipeline_guard.platforms.gitlab.shapes import deploys_to

MOST: Final = 300
"""Deployments of the project, the last changed first, among which the pipeline's are looked for."""


async def environments(client: GitLabClient, base: str, run: Run) -> dict[str, str]:
    """By name of the run's jobs, what they deploy to; `base` is the project's address.

    A retried job has another id and perhaps no deployment yet, so the name and the pipeline count.
    """
    # GitLab wants the filter and the order to be of the same column, or searches long.
    bounds = {"order_by": "updated_at", "sort": "desc"}
    if since := run.hints.get("created_at"):
        bounds["updated_after"] = since
    rows = await client.list(f"{base}/deployments", limit=MOST, **bounds)
    found = (deploys_to(row) for row in rows)
    return {job: there for pipeline, job, there in filter(None, found) if pipeline == run.run_id}
