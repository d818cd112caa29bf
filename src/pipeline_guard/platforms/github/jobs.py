"""Reads the jobs of a run, attempt by attempt."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.errors import NotFound
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.read import job_from


async def jobs_of(
    client: Client, repository: str, run_id: str, attempt: int, job_id: str | None
) -> list[Job]:
    """The jobs of one attempt; where attempts cannot be listed, the newest ones."""
    try:
        return await _listed(client, repository, run_id, attempt)
    except NotFound:
        pass
    try:
        path = f"/repos/{repository}/actions/runs/{run_id}/jobs"
        pages = client.pages(repository, path, "jobs", filter="latest")
        return [job_from(item) async for item in pages]
    except NotFound:
        if job_id is None:
            raise
    answer = await client.get(repository, f"/repos/{repository}/actions/jobs/{job_id}")
    return [job_from(answer.data or {})]


async def earlier(client: Client, run: Run, attempts: Sequence[int]) -> list[Run]:
    """Those earlier attempts of a run that can be listed, each as a run."""
    found = []
    for attempt in attempts:
        try:
            jobs = await _listed(client, run.repository, run.run_id, attempt)
        except NotFound:
            continue
        url = f"{run.url}/attempts/{attempt}" if run.url else None
        found.append(replace(run.at_attempt(attempt, jobs), url=url))
    return found


async def _listed(client: Client, repository: str, run_id: str, attempt: int) -> list[Job]:
    path = f"/repos/{repository}/actions/runs/{run_id}/attempts/{attempt}/jobs"
    return [job_from(item) async for item in client.pages(repository, path, "jobs")]
