"""What the stages ask of Buildbot: a chain of rebuilds as one run, its log, and a rebuild."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pipeline_guard.domain.capabilities import (
    Capability,
    CommentResult,
    RerunResult,
    RerunScope,
)
from pipeline_guard.domain.events import Event
from pipeline_guard.domain.inspection import Finding
from pipeline_guard.domain.recovery import FinishedRun
from pipeline_guard.domain.runs import ChangeRequest, Conclusion, Job, Run
from pipeline_guard.errors import Conflict, NotFound, Rejected
from pipeline_guard.platforms.buildbot.chain import Chain, Row, read_chain
from pipeline_guard.platforms.buildbot.client import BuildbotClient
from pipeline_guard.platforms.buildbot.webhook import PLATFORM
from pipeline_guard.platforms.buildbot.words import (
    EXCEPTION,
    FAILURE,
    conclusion_of,
    main_stamp,
    moment,
    of_rebuild,
    property_of,
    repository_of,
)

#: The build properties a run is made of.
_PROPERTIES: Final = ["got_revision", "owner", "owners", "scheduler"]
_MOST_BUILDS: Final = 100
"""Red builds that are listed at once; each one costs three calls."""

Stamp = Mapping[str, Any]


class BuildbotPlatform:
    """A Buildbot master. A run is a build and its rebuilds, and has one job: the newest build."""

    name = PLATFORM
    #: A build is a run's only job, so the three scopes of a re-run are the same rebuild.
    capabilities: frozenset[Capability] = frozenset(
        {
            "rerun_run",
            "rerun_failed_jobs",
            "rerun_job",
            "rerun_is_new_run",
            "annotations",
            "inline_log",
            "list_runs",
            "cancel",
        }
    )

    def __init__(self, client: BuildbotClient) -> None:
        self._client = client

    async def read_run(self, event: Event) -> Run:
        """The newest attempt of the chain that the event's build belongs to."""
        return await self._read(int(event.hints.get("buildid") or event.run_id))

    async def refresh(self, run: Run) -> Run:
        """The same chain, read again."""
        return await self._read(int(run.hints["buildid"]))

    async def earlier(self, run: Run, attempts: Sequence[int]) -> Sequence[Run]:
        """Earlier builds of the chain, each as the run it was."""
        chain = replace(await read_chain(self._client, int(run.hints["buildid"])), waiting=None)
        known = [attempt for attempt in attempts if attempt <= len(chain.builds)]
        return [await self._earlier(run, chain, attempt) for attempt in known]

    async def _earlier(self, run: Run, chain: Chain, attempt: int) -> Run:
        build = chain.builds[attempt - 1]
        job = await self._job(chain, build, run.workflow)
        ended = moment(build["complete_at"])
        hints = {"buildid": build["buildid"]}
        return replace(run.at_attempt(attempt, (job,)), url=job.url, finished_at=ended, hints=hints)

    async def stream_log(self, run: Run, job: Job) -> AsyncIterator[bytes]:
        """The logs of the build's failed steps, in their order; NotFound when all are empty."""
        del run
        written = False
        for step in await self._failed_steps(_buildid(job)):
            for log in await self._logs(step["stepid"]):
                async for chunk in self._client.raw_log(log["logid"]):
                    written = True
                    yield chunk
        if not written:
            raise NotFound(f"no failed step of build {job.id} has a log", status=404)

    async def annotations(self, run: Run, job: Job) -> Sequence[str]:
        """What Buildbot's own status says about the build and its failed steps."""
        del run
        build = await self._client.row(f"builds/{_buildid(job)}")
        steps = await self._failed_steps(build["buildid"])
        remarks = [f"{step['name']}: {step['state_string']}" for step in steps]
        return [*remarks, f"build: {build['state_string']}"]

    async def rerun(
        self, run: Run, scope: RerunScope, job: Job | None, *, debug: bool = False
    ) -> RerunResult:
        """Rebuild the attempt; raises Conflict when a later one exists or is asked for already.

        That look makes a call safe to repeat after a crash between asking and noting it down.
        """
        del scope, job, debug
        buildid = int(run.hints["buildid"])
        chain = await read_chain(self._client, buildid)
        if chain.waiting is not None or chain.newest["buildid"] != buildid:
            raise Conflict(f"build {buildid} has been rebuilt already", status=409)
        if not chain.newest["complete"]:
            raise Conflict(f"build {buildid} is still running", status=409)
        result = await self._client.control(f"builds/{buildid}", "rebuild")
        try:
            _, requests = result
            (brid,) = requests.values()
        except (TypeError, ValueError, AttributeError):
            raise Rejected(f"Buildbot's answer to rebuild is {result!r}") from None
        return RerunResult(url=f"{self._client.url}/#/buildrequests/{brid}", external_id=str(brid))

    async def cancel(self, run: Run) -> None:
        """Stop the newest build; raises Conflict when it is over or does not run yet."""
        chain = await read_chain(self._client, int(run.hints["buildid"]))
        if chain.waiting is not None or chain.newest["complete"]:
            raise Conflict(f"build {chain.newest['buildid']} does not run")
        await self._client.control(f"builds/{chain.newest['buildid']}", "stop")

    async def upsert_comment(
        self, repository: str, request: ChangeRequest, marker: str, body: str, known_id: str | None
    ) -> CommentResult:
        """Always raises Rejected: Buildbot has no pull requests to comment on."""
        raise Rejected("Buildbot has no comments")

    async def default_branch_file(self, run: Run, path: str) -> bytes | None:
        """None: Buildbot keeps no repositories."""
        return None

    def run_scopes(self, repositories: Sequence[str]) -> Sequence[str]:
        """A master has one list of builds."""
        return ("",) if repositories else ()

    async def finished_runs(self, scope: str, since: datetime) -> AsyncIterator[FinishedRun]:
        """Builds of the master that ended red since then, newest first."""
        builds = await self._client.rows(
            "builds",
            {
                "results__eq": [FAILURE, EXCEPTION],
                "complete": "true",
                "complete_at__ge": int(since.timestamp()),
                "order": "-buildid",
                "limit": _MOST_BUILDS,
            },
        )
        for build in builds:
            ended_at = moment(build["complete_at"])
            if ended_at is not None:
                # The time keeps apart the builds of a master whose database was made anew.
                key = f"{build['buildid']}@{build['complete_at']}"
                yield FinishedRun(await self._event(build), key, ended_at)

    async def _event(self, build: Row) -> Event:
        """What the push about that build would have said."""
        request, builder = await asyncio.gather(
            self._client.row(f"buildrequests/{build['buildrequestid']}"),
            self._client.row(f"builders/{build['builderid']}"),
        )
        buildset = await self._client.row(f"buildsets/{request['buildsetid']}")
        first = buildset["rebuilt_buildid"]
        return Event(
            kind="run_finished",
            platform=PLATFORM,
            repository=repository_of(main_stamp(buildset["sourcestamps"]), builder["name"]),
            run_id=str(build["buildid"] if first is None else first),
            conclusion=conclusion_of(build["results"]),
            job_id=str(build["buildid"]),
            hints={"buildid": build["buildid"], **of_rebuild(first)},
        )

    def log_line_urls(
        self, run: Run, job: Job, log: Path, lines: Sequence[int]
    ) -> Sequence[str | None]:
        """None: Buildbot's pages have no links to a line."""
        return [None] * len(lines)

    async def identity(self) -> str | None:
        """The user we log in as."""
        return self._client.user

    async def check(self) -> str:
        """How many builders answer; raises PlatformError when none can be read."""
        rows, total = await self._client.page("builders", {"limit": 1, "field": "builderid"})
        count = len(rows) if total is None else total
        return f"Buildbot at {self._client.url} answers with {count} builder(s)"

    async def inspect(self, repositories: Sequence[str]) -> Sequence[Finding]:
        """Who we are there; a master tells nothing of its status pushes."""
        name = "buildbot rights"
        if self._client.user:
            return [Finding(name, "ok", f"Signed in as {self._client.user}.")]
        told = "Nobody is signed in: rebuilds work only where anybody may."
        fix = "Set PIPELINE_GUARD_BUILDBOT_USER and _PASSWORD where the master wants a login."
        return [Finding(name, "note", told, fix)]

    async def server_time(self) -> datetime | None:
        """By the Date of an answer."""
        return await self._client.date()

    async def aclose(self) -> None:
        """Close the connections to the master."""
        await self._client.aclose()

    async def _read(self, buildid: int) -> Run:
        chain = await read_chain(self._client, buildid)
        newest = await self._client.row(
            f"builds/{chain.newest['buildid']}", {"property": _PROPERTIES}
        )
        builder = await self._client.row(f"builders/{newest['builderid']}")
        stamp = main_stamp(chain.buildset["sourcestamps"])
        commit = stamp.get("revision") or _got_revision(newest, stamp)
        job = await self._job(chain, newest, builder["name"])
        return Run(
            platform=PLATFORM,
            repository=repository_of(stamp, builder["name"]),
            run_id=str(chain.root),
            attempt=chain.attempt,
            status="queued" if chain.waiting else _status(newest),
            conclusion=job.conclusion,
            workflow=builder["name"],
            branch=stamp.get("branch"),
            commit=commit,
            head_sha=await self._head(stamp) if commit else None,
            trigger=property_of(newest, "scheduler") or chain.buildset["reason"],
            actor=_actor(newest),
            url=job.url,
            started_at=None if chain.waiting else moment(newest["started_at"]),
            finished_at=None if chain.waiting else moment(newest["complete_at"]),
            jobs=(job,),
            hints={"buildid": newest["buildid"]},
        )

    async def _job(self, chain: Chain, newest: Row, builder: str) -> Job:
        """The newest attempt as the run's one job: a build, or the request that waits for one."""
        if chain.waiting:
            brid = chain.waiting["buildrequestid"]
            address = f"{self._client.url}/#/buildrequests/{brid}"
            return Job(id=f"request-{brid}", name=builder, conclusion=None, url=address)
        conclusion: Conclusion | None = None
        failed_step = None
        if newest["complete"]:
            conclusion = conclusion_of(newest["results"])
        if conclusion == "failure":
            steps = await self._failed_steps(newest["buildid"])
            failed_step = steps[0]["name"] if steps else None
        return Job(
            id=str(newest["buildid"]),
            name=builder,
            conclusion=conclusion,
            url=f"{self._client.url}/#/builders/{newest['builderid']}/builds/{newest['number']}",
            failed_step=failed_step,
        )

    async def _failed_steps(self, buildid: int) -> list[Row]:
        """The failed steps in the order they ran."""
        steps = await self._client.rows(f"builds/{buildid}/steps")
        failed = [step for step in steps if conclusion_of(step["results"]) == "failure"]
        return sorted(failed, key=lambda step: int(step["number"]))

    async def _logs(self, stepid: int) -> list[Row]:
        """A step's logs that have text, what its command printed first, then files it collected.

        An HTML log repeats in markup what a plain one says.
        """
        logs = await self._client.rows(f"steps/{stepid}/logs")
        plain = [log for log in logs if log["type"] != "h" and log["num_lines"]]
        return sorted(plain, key=lambda log: (log["type"] != "s", int(log["logid"])))

    async def _head(self, stamp: Stamp) -> str | None:
        """The newest revision that a change brought to the build's branch, if changes are known."""
        if not stamp.get("branch"):
            return None
        names = ("branch", "repository", "project", "codebase")
        same = {name: stamp[name] for name in names if stamp.get(name)}
        changes = await self._client.rows("changes", same | {"order": "-changeid", "limit": 1})
        return changes[0]["revision"] if changes else None


def _buildid(job: Job) -> int:
    """The build behind a job; raises NotFound for one that only waits for its build."""
    if not job.id.isdigit():
        raise NotFound(f"{job.id} has no build yet", status=404)
    return int(job.id)


def _status(build: Row) -> Any:
    return "completed" if build["complete"] else "in_progress"


def _got_revision(build: Row, stamp: Stamp) -> str | None:
    """The revision that the source step found; a build of several codebases has one of each."""
    found = property_of(build, "got_revision")
    if isinstance(found, dict):
        found = found.get(stamp.get("codebase") or "")
    return str(found) if found else None


def _actor(build: Row) -> str | None:
    """Who forced or pushed the build, if Buildbot knows; a rebuild keeps the first one's owner."""
    owners = property_of(build, "owners") or [property_of(build, "owner")]
    return str(owners[0]) if owners and owners[0] else None
