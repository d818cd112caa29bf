"""What the stages may ask of GitHub Actions, put together from the client's calls."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from pipeline_guard.domain.capabilities import (
    Capability,
    CommentResult,
    Reaction,
    RerunResult,
    RerunScope,
)
from pipeline_guard.domain.commands import Permission, RequestComment
from pipeline_guard.domain.dispatch import Dispatched
from pipeline_guard.domain.events import Event
from pipeline_guard.domain.inspection import Finding
from pipeline_guard.domain.recovery import DeliveryTry, FinishedRun
from pipeline_guard.domain.rights import Remembered
from pipeline_guard.domain.runs import ChangeRequest, Job, Run
from pipeline_guard.domain.tracker import CheckDraft, CheckResult
from pipeline_guard.errors import Conflict, NotFound, PlatformError, PlatformUnavailable
from pipeline_guard.platforms.github.answers import Answer, NotSent
from pipeline_guard.platforms.github.changes import GitHubChanges
from pipeline_guard.platforms.github.checks import Checks
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.comments import Comments
from pipeline_guard.platforms.github.dispatch import Dispatches
from pipeline_guard.platforms.github.environments import environments
from pipeline_guard.platforms.github.files import file_at
from pipeline_guard.platforms.github.inspection import Inspection
from pipeline_guard.platforms.github.issues import Issues, change_labels
from pipeline_guard.platforms.github.jobs import earlier, jobs_of
from pipeline_guard.platforms.github.log_lines import StepStart, places
from pipeline_guard.platforms.github.logs import LogStream
from pipeline_guard.platforms.github.pulls import Pulls
from pipeline_guard.platforms.github.read import (
    attempt_of,
    content_of,
    left_out,
    permission_of,
    run_from,
    status_of,
    text,
)
from pipeline_guard.platforms.github.recovery import Recovery
from pipeline_guard.platforms.github.rights import missing_right

Json = dict[str, Any]


class GitHub:
    """GitHub Actions through its REST API; every method raises only errors.PlatformError."""

    name: str = "github"
    capabilities: frozenset[Capability] = frozenset(
        (
            "rerun_run",
            "rerun_failed_jobs",
            "rerun_job",
            "rerun_takes_dependents",
            "rerun_debug",
            "rerun_other_runner",
            "comment",
            "commands",
            "annotations",
            "list_runs",
            "redeliver",
            "issues",
            "labels",
            "checks",
            "cancel",
            "changes",
        )
    )

    def __init__(self, client: Client) -> None:
        self._client = client
        self._logs = LogStream(client)
        self._pulls = Pulls(client)
        self._comments = Comments(client, self.identity)
        self._dispatches = Dispatches(client, self.identity)
        self._recovery = Recovery(client)
        self._inspection = Inspection(client)
        self._rights = Remembered(partial(missing_right, client))
        self._login: str | None = None
        self._login_asked = False

    async def read_run(self, event: Event) -> Run:
        """The run with the jobs of its newest attempt, its open pull request and branch head."""
        repository, run_id = event.repository, event.run_id
        data = await self._run(repository, run_id)
        jobs, request = await asyncio.gather(
            jobs_of(self._client, repository, run_id, attempt_of(data), event.job_id),
            self._pulls.find(repository, data, event.hints.get("requests", ())),
        )
        run = run_from(data, repository, run_id, jobs=jobs)
        return await self._with_head(run, data, request)

    async def refresh(self, run: Run) -> Run:
        """The run's status, attempt and head now; its jobs anew only when they have changed."""
        data = await self._run(run.repository, run.run_id)
        now = run_from(data, run.repository, run.run_id, jobs=run.jobs)
        if (now.attempt, now.status) != (run.attempt, run.status):
            jobs = await jobs_of(self._client, run.repository, run.run_id, now.attempt, None)
            now = replace(now, jobs=tuple(jobs))
        known = run.request
        request = await self._pulls.again(run.repository, known) if known else None
        return await self._with_head(now, data, request)

    async def earlier(self, run: Run, attempts: Sequence[int]) -> Sequence[Run]:
        """Those earlier attempts of a run that GitHub still lists."""
        return await earlier(self._client, run, attempts)

    async def stream_log(self, run: Run, job: Job) -> AsyncIterator[bytes]:
        """The job's log in raw chunks; raises NotFound when GitHub has none (any more)."""
        path = f"/repos/{run.repository}/actions/jobs/{job.id}/logs"
        async for chunk in self._logs.stream(run.repository, path):
            yield chunk

    async def annotations(self, run: Run, job: Job) -> Sequence[str]:
        """A job is a check run too, and carries its annotations: "failure a.py:3: message"."""
        number = job.hints.get("check_run_id", job.id)
        path = f"/repos/{run.repository}/check-runs/{number}/annotations"
        try:
            pages = self._client.pages(run.repository, path, most=3)
            return [_annotation(item) async for item in pages]
        except PlatformError as error:
            if error.worth_retry:
                raise
            return ()

    async def rerun(
        self, run: Run, scope: RerunScope, job: Job | None, *, debug: bool = False
    ) -> RerunResult:
        """Ask once for a new attempt; raises Conflict when there is one after `run.attempt`.

        After a 5xx or a timeout the run is read again: GitHub may have done it all the same.
        """
        before = await self._run(run.repository, run.run_id)
        if _moved_on(before, run):
            raise Conflict(f"A new attempt of run {run.run_id} is already under way or done")
        path = _rerun_path(run, scope, job)
        body = {"enable_debug_logging": True} if debug else None
        try:
            await self._client.send("POST", run.repository, path, body)
        except NotSent:
            raise
        except PlatformUnavailable:
            if not _moved_on(await self._run(run.repository, run.run_id), run):
                raise
        url = f"{run.url}/attempts/{run.attempt + 1}" if run.url else None
        return RerunResult(url=url, external_id=None)

    async def against_other_runner(
        self, run: Run, name: str, label: str, is_protected: Callable[[str], bool]
    ) -> str | None:
        """See domain.dispatch.DispatchesRuns."""
        return await self._dispatches.against(run, name, label, is_protected)

    async def find_dispatched(self, run: Run, since: datetime) -> Dispatched | None:
        """See domain.dispatch.DispatchesRuns."""
        return await self._dispatches.find(run, since)

    async def dispatch(self, run: Run, inputs: Mapping[str, str], since: datetime) -> Dispatched:
        """See domain.dispatch.DispatchesRuns."""
        return await self._dispatches.start(run, inputs, since)

    async def upsert_comment(
        self, repository: str, request: ChangeRequest, marker: str, body: str, known_id: str | None
    ) -> CommentResult:
        """Create or edit our one comment: `known_id` first, else our own that holds `marker`."""
        return await self._comments.upsert(repository, request.number, marker, body, known_id)

    async def read_request(self, repository: str, number: int) -> ChangeRequest | None:
        """The pull request as it is now, None when it was closed or is not there."""
        return await self._pulls.read(repository, number)

    async def read_comment(self, repository: str, number: int, comment_id: str) -> RequestComment:
        """A comment on the pull request as it stands now; raises NotFound when it is gone."""
        return await self._comments.read(repository, number, comment_id)

    async def permission(self, repository: str, login: str) -> Permission:
        """What GitHub says of that person; it maps its finer roles to these four itself."""
        path = f"/repos/{repository}/collaborators/{quote(login, safe='')}/permission"
        try:
            answer = await self._client.get(repository, path)
        except NotFound:
            return "none"
        return permission_of(answer.data)

    async def react(
        self, repository: str, number: int, comment_id: str, reaction: Reaction
    ) -> None:
        """Put our sign on a comment."""
        await self._comments.react(repository, comment_id, reaction)

    def issues(self, repository: str) -> Issues:
        """The issues of a repository that we wrote."""
        return Issues(self._client, repository, self.identity)

    async def change_labels(
        self, repository: str, number: int, add: Sequence[str], remove: Sequence[str]
    ) -> None:
        """Put labels on a pull request and take others off."""
        await change_labels(self._client, repository, number, add, remove)

    async def put_check(
        self, repository: str, draft: CheckDraft, known_id: str | None
    ) -> CheckResult:
        """Create or edit our one check run on a commit; only an App's token may."""
        return await Checks(self._client, repository).put(draft, known_id)

    async def cancel(self, run: Run) -> None:
        """Stop what still runs of a run; GitHub answers 409 when nothing does."""
        path = f"/repos/{run.repository}/actions/runs/{run.run_id}/cancel"
        await self._client.send("POST", run.repository, path)

    def changes(self, repository: str) -> GitHubChanges:
        """The files, branches and pull requests of a repository."""
        return GitHubChanges(self._client, repository)

    async def environments(self, run: Run) -> Mapping[str, str]:
        """See domain.deploys.KnowsEnvironments; none are told where files are not ours to read."""
        try:
            return await environments(run, partial(file_at, self._client, run))
        except PlatformError as error:
            if error.worth_retry:
                raise
            return {}

    async def default_branch_file(self, run: Run, path: str) -> bytes | None:
        """A file of the repository; without a ref, GitHub reads its default branch."""
        where = f"/repos/{run.repository}/contents/{quote(path)}"
        try:
            answer = await self._client.get(run.repository, where)
        except NotFound:
            return None
        return content_of(answer.data) or left_out(answer.data)

    def delivery_scopes(self, repositories: Sequence[str]) -> Sequence[str]:
        """An App has one hook for all; with a token, every repository has its own."""
        return ("",) if self._is_app else repositories

    def delivery_tries(self, scope: str, since: datetime) -> AsyncIterator[DeliveryTry]:
        """Tries to deliver what we act on, newest first; none where hooks are not ours to read."""
        return self._recovery.tries(scope, since)

    async def redeliver(self, scope: str, handle: str) -> None:
        """Have GitHub send a delivery again."""
        await self._recovery.redeliver(scope, handle)

    def run_scopes(self, repositories: Sequence[str]) -> Sequence[str]:
        """Every repository has its own list of runs."""
        return repositories

    def finished_runs(self, scope: str, since: datetime) -> AsyncIterator[FinishedRun]:
        """Runs of a repository that ended red since then."""
        return self._recovery.runs(scope, since)

    def log_line_urls(
        self, run: Run, job: Job, log: Path, lines: Sequence[int]
    ) -> Sequence[str | None]:
        """The job's page at each line, or at its failed step where the line's step is not told."""
        url = job.url or (f"{run.url}/job/{job.id}" if run.url else None)
        if url is None:
            return [None] * len(lines)
        step = job.hints.get("failed_step_number")
        otherwise = f"{url}#step:{step}:1" if step else url
        starts = [StepStart(*start) for start in job.hints.get("step_starts", ())]
        return [
            f"{url}#step:{place[0]}:{place[1]}" if place else otherwise
            for place in places(log, starts, lines)
        ]

    async def identity(self) -> str | None:
        """Our login ("name[bot]" for an App); None where the token may not ask, as in Actions."""
        if not self._login_asked:
            self._login = await self._ask_login()
            self._login_asked = True
        return self._login

    async def check(self) -> str:
        """Who we are and how many calls are left; raises PlatformError when it does not work."""
        answer = await self._first_answer(("/app",) if self._is_app else ("/user", "/rate_limit"))
        login = await self.identity()
        parts = [f"connected to {self._client.api_url} as {login or 'a token without a login'}"]
        remaining, limit = (answer.headers.get(f"x-ratelimit-{key}") for key in _LIMITS)
        if remaining and limit:
            parts.append(f"{remaining} of {limit} calls left this hour")
        scopes = answer.headers.get("x-oauth-scopes")
        if scopes:
            parts.append(f"scopes {scopes}")
        permissions = answer.data.get("permissions") if isinstance(answer.data, dict) else None
        if isinstance(permissions, dict):
            told = ", ".join(f"{key}: {value}" for key, value in sorted(permissions.items()))
            parts.append(f"permissions {told}")
        return "; ".join(parts)

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
        """Give back connections and threads."""
        await self._logs.aclose()
        await self._client.aclose()

    @property
    def _is_app(self) -> bool:
        return self._client.credentials.is_app

    async def _first_answer(self, paths: Sequence[str]) -> Answer:
        """The first call that is allowed: Actions' token has no user, some servers no limit."""
        *others, last = paths
        for path in others:
            try:
                return await self._client.get(None, path)
            except PlatformError as error:
                if error.worth_retry or error.status == HTTPStatus.UNAUTHORIZED:
                    raise
        return await self._client.get(None, last)

    async def _ask_login(self) -> str | None:
        try:
            answer = await self._client.get(None, "/app" if self._is_app else "/user")
        except PlatformError as error:
            if error.worth_retry:
                raise
            return None
        slug = text(answer.data, "slug")
        if self._is_app:
            return f"{slug}[bot]" if slug else None
        return text(answer.data, "login")

    async def _run(self, repository: str, run_id: str) -> Json:
        answer = await self._client.get(repository, f"/repos/{repository}/actions/runs/{run_id}")
        if not isinstance(answer.data, dict):
            raise PlatformUnavailable(f"GitHub's answer for run {run_id} is no JSON object")
        return answer.data

    async def _with_head(self, run: Run, data: Json, request: ChangeRequest | None) -> Run:
        """The run with its request and newest commit: the request's head, else the branch's."""
        head = request.head_sha if request else None
        if head is None:
            head = await self._pulls.head(run.repository, data)
        return replace(run, request=request, head_sha=head)


_LIMITS: Final = ("remaining", "limit")


def _rerun_path(run: Run, scope: RerunScope, job: Job | None) -> str:
    base = f"/repos/{run.repository}/actions"
    if scope == "job" and job is not None:
        return f"{base}/jobs/{job.id}/rerun"
    if scope == "run":
        return f"{base}/runs/{run.run_id}/rerun"
    return f"{base}/runs/{run.run_id}/rerun-failed-jobs"


def _moved_on(data: Json, run: Run) -> bool:
    """True when the run was started again since we read it."""
    if attempt_of(data) > run.attempt:
        return True
    return run.completed and status_of(data.get("status")) != "completed"


def _annotation(item: Json) -> str:
    place = text(item, "path") or ""
    if place and isinstance(item.get("start_line"), int):
        place = f"{place}:{item['start_line']}"
    level, message = text(item, "annotation_level"), text(item, "message") or text(item, "title")
    told = ": ".join(part for part in (place, " ".join((message or "").split())) if part)
    return f"{level} {told}" if level else told
