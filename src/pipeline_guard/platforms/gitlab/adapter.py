"""What stages may ask of GitLab: read a pipeline and its logs, retry it, keep one note."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pipeline_guard.domain.capabilities import (
    Capability,
    CommentResult,
    Reaction,
    RerunResult,
    RerunScope,
)
from pipeline_guard.domain.commands import Permission, RequestComment
from pipeline_guard.domain.events import Event
from pipeline_guard.domain.inspection import Finding
from pipeline_guard.domain.recovery import FinishedRun
from pipeline_guard.domain.rights import Remembered
from pipeline_guard.domain.runs import ChangeRequest, Job, Run
from pipeline_guard.errors import (
    Conflict,
    NotAuthorized,
    NotFound,
    PlatformError,
    PlatformUnavailable,
    Rejected,
)
from pipeline_guard.platforms.gitlab import shapes
from pipeline_guard.platforms.gitlab.changes import GitLabChanges
from pipeline_guard.platforms.gitlab.client import GitLabClient, Json
from pipeline_guard.platforms.gitlab.deployments import environments
from pipeline_guard.platforms.gitlab.heads import newest_commit
from pipeline_guard.platforms.gitlab.inspection import Inspection
from pipeline_guard.platforms.gitlab.issues import Issues, change_labels
from pipeline_guard.platforms.gitlab.log_lines import page_lines
from pipeline_guard.platforms.gitlab.members import permission
from pipeline_guard.platforms.gitlab.notes import Notes
from pipeline_guard.platforms.gitlab.rights import missing_right

MAX_JOBS: Final = 5_000
"""Jobs of one pipeline that are read, earlier tries included."""
MAX_REQUESTS: Final = 100
MAX_FINISHED: Final = 300
"""Red pipelines of one project that are listed at once."""


class GitLabPlatform:
    """Implements domain.capabilities.Platform for one GitLab server."""

    name = shapes.PLATFORM
    # No `rerun_run`: GitLab can only start another pipeline on the newest commit of a ref,
    # which is not the same run again.
    capabilities: frozenset[Capability] = frozenset(
        {
            "rerun_failed_jobs",
            "rerun_job",
            "comment",
            "commands",
            "annotations",
            "list_runs",
            "issues",
            "labels",
            "cancel",
            "changes",
        }
    )

    def __init__(self, client: GitLabClient) -> None:
        self._client = client
        self._inspection = Inspection(client)
        self._rights = Remembered(partial(missing_right, client))
        self._login: str | None = None

    async def read_run(self, event: Event) -> Run:
        """Re-read the pipeline the event points at, with its jobs and open merge request."""
        project = event.hints.get("project_id") or event.repository
        return await self._read(str(project), event.run_id)

    async def refresh(self, run: Run) -> Run:
        """Read the same pipeline again."""
        return await self._read(str(run.hints.get("project_id") or run.repository), run.run_id)

    async def earlier(self, run: Run, attempts: Sequence[int]) -> Sequence[Run]:
        """The tries of jobs that another one followed; they were read with the run."""
        retried = run.hints["retried"]
        return [run.at_attempt(n, [job for job in retried if job.tries == n]) for n in attempts]

    async def _read(self, project_ref: str, run_id: str) -> Run:
        base = f"/projects/{_part(project_ref)}"
        project, pipeline, tries = await asyncio.gather(
            self._client.get(base),
            self._client.get(f"{base}/pipelines/{_part(run_id)}"),
            self._tries(base, run_id),
        )
        if pipeline.get("status") in ("failed", "canceled"):
            tries += await self._bridges(base, run_id)
        merge_request = await self._merge_request(project, pipeline)
        head = await newest_commit(self._client, base, pipeline, merge_request)
        if merge_request and merge_request.get("state") != "opened":
            merge_request = None
        return shapes.run_of(project, pipeline, tries, merge_request, head)

    async def _bridges(self, base: str, run_id: str) -> list[Json]:
        """The trigger jobs, which are listed apart: one that failed with its downstream pipeline,
        or one that was skipped and would start a deployment once a retried job is green."""
        try:
            return await self._client.list(
                f"{base}/pipelines/{_part(run_id)}/bridges", limit=MAX_JOBS
            )
        except (NotFound, NotAuthorized):
            return []

    async def _tries(self, base: str, run_id: str) -> list[Json]:
        """Every job of the pipeline, the retried ones too."""
        return await self._client.list(
            f"{base}/pipelines/{_part(run_id)}/jobs", limit=MAX_JOBS, include_retried="true"
        )

    async def _merge_request(self, project: Json, pipeline: Json) -> Json | None:
        """The request of a pipeline: the one its ref names, else the open one of its branch.

        A fork's branch pipeline belongs to a request of the project it was forked from.
        """
        home, iid = shapes.id_of(project), shapes.request_iid(pipeline)
        if iid is not None:
            return await self._client.get(f"/projects/{home}/merge_requests/{iid}")
        if pipeline.get("tag") or not pipeline.get("ref"):
            return None
        parent = (project.get("forked_from_project") or {}).get("id")
        for target in filter(None, (home, parent)):
            if request := await self._request_of_branch(target, home, pipeline["ref"]):
                return request
        return None

    async def _request_of_branch(self, target: int, source: int, branch: str) -> Json | None:
        try:
            found = await self._client.list(
                f"/projects/{target}/merge_requests",
                limit=MAX_REQUESTS,
                state="opened",
                source_branch=branch,
            )
        except (NotFound, NotAuthorized):
            return None  # merge requests are switched off there, or not ours to see
        return next((item for item in found if item.get("source_project_id") == source), None)

    async def stream_log(self, run: Run, job: Job) -> AsyncIterator[bytes]:
        """The job's trace in raw chunks; raises NotFound when it is empty, erased or never was."""
        if not job.id.isdecimal():
            raise NotFound(f"GitLab keeps no log of {job.name}")
        empty = True
        # Closed here and now, should the reader have enough: the connection goes back at once.
        async with aclosing(self._client.stream(f"{_base(run)}/jobs/{job.id}/trace")) as chunks:
            async for chunk in chunks:
                empty = empty and not chunk
                yield chunk
        if empty:
            raise NotFound(f"The log of {job.name} is empty or was erased")

    async def annotations(self, run: Run, job: Job) -> Sequence[str]:
        """GitLab's own remarks: why it says the job failed, and what it says of the pipeline."""
        return shapes.annotations_of(job)

    async def rerun(
        self, run: Run, scope: RerunScope, job: Job | None, *, debug: bool = False
    ) -> RerunResult:
        """Retry the failed jobs, or one job, of the same pipeline.

        GitLab retries cancelled jobs together with the failed ones. Raises Conflict when the
        pipeline is running or was retried since `run` was read.
        """
        del debug  # a CI/CD variable's business, not a retry's
        if scope == "run":
            raise Rejected("GitLab cannot run a whole pipeline again on the same commit")
        now = await self.refresh(run)
        if not now.completed or _retried_since(run, now):
            raise Conflict(f"Pipeline {run.run_id} is running or was retried already")
        if scope == "failed_jobs":
            return await self._retry_pipeline(now)
        if job is None:
            raise Rejected("The scope 'job' needs a job")
        return await self._retry_job(now, job)

    async def _retry_pipeline(self, run: Run) -> RerunResult:
        if not any(job.hints.get("status") in ("failed", "canceled") for job in run.jobs):
            raise Rejected(f"Pipeline {run.run_id} has no failed job that could be retried")
        try:
            answer = await self._client.write(
                "post", f"{_base(run)}/pipelines/{_part(run.run_id)}/retry"
            )
        except PlatformUnavailable:
            if not await self._was_retried(run):
                raise
        else:
            over = shapes.status_of(answer)[0] == "completed"
            if over and not await self._was_retried(run):
                raise Rejected(f"GitLab retried no job of pipeline {run.run_id}")
        return RerunResult(url=run.url)

    async def _was_retried(self, run: Run) -> bool:
        """Looks what became of a retry whose answer was lost or says nothing."""
        now = await self.refresh(run)
        return not now.completed or _retried_since(run, now)

    async def _retry_job(self, run: Run, job: Job) -> RerunResult:
        if all(job.id != newest.id for newest in run.jobs):
            raise Conflict(f"The job {job.name} was retried already")
        try:
            answer = await self._client.write("post", f"{_base(run)}/jobs/{_part(job.id)}/retry")
        except PlatformUnavailable:
            now = await self.refresh(run)
            named = (one for one in now.jobs if one.original_name == job.original_name)
            newest = next(named, job)
            if newest.id == job.id:
                raise
            return RerunResult(url=newest.url)
        except NotAuthorized as error:
            # GitLab says 403 as well when a job is not in a state to be retried.
            if "not retryable" in str(error):
                raise Conflict(str(error), status=error.status) from error
            raise
        return RerunResult(url=answer.get("web_url"))

    async def upsert_comment(
        self, repository: str, request: ChangeRequest, marker: str, body: str, known_id: str | None
    ) -> CommentResult:
        """Create or edit our one note on the merge request."""
        home = request.repository or repository
        return await (await self._notes(home, request.number, request.url)).upsert(
            marker, body, known_id
        )

    async def _notes(self, repository: str, number: int, url: str | None = None) -> Notes:
        path = f"/projects/{_part(repository)}/merge_requests/{number}"
        return Notes(self._client, path, url, await self._username())

    async def read_request(self, repository: str, number: int) -> ChangeRequest | None:
        """The merge request as it is now, None when it is not open or not there."""
        path = f"/projects/{_part(repository)}/merge_requests/{number}"
        try:
            found = await self._client.get(path)
        except NotFound:
            return None
        return shapes.request_of(found) if found.get("state") == "opened" else None

    async def read_comment(self, repository: str, number: int, comment_id: str) -> RequestComment:
        """A note as it stands now; raises NotFound when it was deleted."""
        return await (await self._notes(repository, number)).read(comment_id)

    async def permission(self, repository: str, login: str) -> Permission:
        """What the person may do, by the project's members; Maintainers count as admins."""
        return await permission(self._client, f"/projects/{_part(repository)}", login)

    async def react(
        self, repository: str, number: int, comment_id: str, reaction: Reaction
    ) -> None:
        """Put our sign on a note."""
        await (await self._notes(repository, number)).react(comment_id, reaction)

    def issues(self, repository: str) -> Issues:
        """The issues of a project that we wrote."""
        return Issues(self._client, f"/projects/{_part(repository)}", self._username)

    async def change_labels(
        self, repository: str, number: int, add: Sequence[str], remove: Sequence[str]
    ) -> None:
        """Put labels on a merge request and take others off."""
        path = f"/projects/{_part(repository)}/merge_requests/{number}"
        await change_labels(self._client, path, add, remove)

    async def cancel(self, run: Run) -> None:
        """Cancel the jobs of a pipeline that still run or wait; raises Conflict when none does."""
        if (await self.refresh(run)).completed:
            raise Conflict(f"Pipeline {run.run_id} is over")
        await self._client.write("post", f"{_base(run)}/pipelines/{_part(run.run_id)}/cancel")

    def changes(self, repository: str) -> GitLabChanges:
        """The files, branches and merge requests of a project."""
        return GitLabChanges(self._client, f"/projects/{_part(repository)}")

    async def environments(self, run: Run) -> Mapping[str, str]:
        """See domain.deploys.KnowsEnvironments; none are told where they are not ours to see."""
        try:
            return await environments(self._client, _base(run), run)
        except PlatformError as error:
            if error.worth_retry:
                raise
            return {}

    async def default_branch_file(self, run: Run, path: str) -> bytes | None:
        """A file of the project; GitLab's `HEAD` is its default branch."""
        try:
            found = await self._client.get(
                f"{_base(run)}/repository/files/{_part(path)}", ref="HEAD"
            )
        except NotFound:
            return None
        return shapes.content_of(found)

    def run_scopes(self, repositories: Sequence[str]) -> Sequence[str]:
        """Every project has its own list of pipelines."""
        return repositories

    async def finished_runs(self, scope: str, since: datetime) -> AsyncIterator[FinishedRun]:
        """Pipelines of a project that ended red since then, the last changed first."""
        rows = self._client.rows(
            f"/projects/{_part(scope)}/pipelines",
            limit=MAX_FINISHED,
            status="failed",
            updated_after=since.isoformat(),
            order_by="updated_at",
        )
        async for row in rows:
            if found := shapes.finished(scope, row):
                yield found

    def log_line_urls(
        self, run: Run, job: Job, log: Path, lines: Sequence[int]
    ) -> Sequence[str | None]:
        """Links to the lines on the job's page, which counts them in its own way."""
        if not job.url or not job.id.isdecimal():
            return [None] * len(lines)
        return [f"{job.url}#L{line}" for line in page_lines(log, lines)]

    async def identity(self) -> str | None:
        """Our own login, None when the token belongs to nobody (a job token)."""
        try:
            return await self._username()
        except NotAuthorized:
            return None

    async def _username(self) -> str:
        if self._login is None:
            user = await self._client.get("/user")
            self._login = str(user.get("username") or shapes.id_of(user))
        return self._login

    async def check(self) -> str:
        """One sentence about the connection; raises PlatformError when it is broken."""
        login = await self._username()
        return f"Connected to {self._client.url} as {login}."

    async def missing_right(self, repository: str) -> str | None:
        """See domain.rights.KnowsRights."""
        return await self._rights.of(repository)

    async def inspect(self, repositories: Sequence[str]) -> Sequence[Finding]:
        """See domain.inspection.Inspects."""
        return await self._inspection.inspect(repositories)

    async def server_time(self) -> datetime | None:
        """See domain.inspection.Inspects."""
        return await self._inspection.server_time()

    async def aclose(self) -> None:
        """Give back connections."""
        await self._client.aclose()


def _part(value: str) -> str:
    """One segment of a path; a project's full path or a branch holds slashes."""
    return quote(value, safe="")


def _base(run: Run) -> str:
    return f"/projects/{_part(str(run.hints.get('project_id') or run.repository))}"


def _retried_since(run: Run, now: Run) -> bool:
    """True when a red job of `run` has a newer try, or the pipeline a higher attempt."""
    newest = {job.id for job in now.jobs}
    return now.attempt > run.attempt or any(job.id not in newest for job in run.failed_jobs)
