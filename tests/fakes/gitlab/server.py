"""Runs the fake GitLab and its log storage on two loopback origins, and scripts them from tests."""

import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.fakes.gitlab import hooks
from tests.fakes.gitlab.api import Api, Call, Fault
from tests.fakes.gitlab.world import (
    MAINTAINER,
    Job,
    MergeRequest,
    Note,
    Pipeline,
    Project,
    Token,
    World,
)

SHA = "1" * 40
METHODS = ["GET", "POST", "PUT", "DELETE"]


class _Origin:
    """One uvicorn in a thread; the socket listens before it starts, so nobody need wait."""

    def __init__(self, endpoint: Any, pem: str | None) -> None:
        # With the protocol named, asyncio switches Nagle's delay off: 40 ms less a call.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen()
        scheme = "https" if pem else "http"
        self.url = f"{scheme}://127.0.0.1:{self._socket.getsockname()[1]}"
        app = Starlette(routes=[Route("/{rest:path}", endpoint, methods=METHODS)])
        config = uvicorn.Config(
            app, log_level="critical", lifespan="off", loop="asyncio", ssl_certfile=pem
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def ask_to_stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True

    def wait(self) -> None:
        self._thread.join(timeout=5)
        self._socket.close()


class FakeGitLab:
    """A GitLab below `url`; `bot` is whose token the product under test gets.

    `pem` is a file with a certificate and its key: with it, both origins speak TLS.
    """

    def __init__(
        self,
        *,
        prefix: str = "",
        bot: str = "guard-bot",
        token: str = "glpat-t",
        pem: str | None = None,
    ) -> None:
        self.bot, self.token = bot, token
        self.secret_token = "plain-secret"
        self.signing_token = hooks.new_signing_token(b"k" * 32)
        self.api = Api(World(), prefix, self._trace_link)
        self.reset()

        # Starlette takes functions, not objects, for endpoints that want the request.
        async def answer(request: Request) -> Response:
            return await self.api(request)

        self._origin, self._storage = _Origin(answer, pem), _Origin(self._stored, pem)
        self.url = self._origin.url + prefix
        self.storage_url = self._storage.url
        self.api.external_url = self._origin.url

    def __enter__(self) -> "FakeGitLab":
        self._origin.start()
        self._storage.start()
        return self

    def __exit__(self, *_: object) -> None:
        for origin in (self._origin, self._storage):
            origin.ask_to_stop()
        for origin in (self._origin, self._storage):
            origin.wait()

    def reset(self) -> None:
        """An empty server that knows only the bot; for a fresh test on the same port."""
        self.world = self.api.world = World()
        self.world.tokens[self.token] = Token(self.bot)
        self.api.calls, self.api.faults, self.api.remaining = [], [], None
        self.store_logs_apart = False
        self.expire_next_links = 0
        self.storage_headers: list[dict[str, str]] = []
        self._links: dict[str, bytes] = {}

    def _trace_link(self, job: Job) -> str | None:
        if not self.store_logs_apart:
            return None
        path = f"/trace-{self.world.next_id()}"
        if self.expire_next_links:
            self.expire_next_links -= 1
        else:
            self._links[path] = job.trace
        return f"{self._storage.url}{path}"

    async def _stored(self, request: Request) -> Response:
        self.storage_headers.append(dict(request.headers))
        trace = self._links.get(request.url.path)
        if trace is None:
            return Response("<Error>Request has expired</Error>", 403)
        return Response(trace, media_type="text/plain")

    def add_project(self, path: str, *, forked_from: Project | None = None) -> Project:
        """A project with a `main` branch, where the bot is a maintainer."""
        project = Project(self.world.next_id(), path, forked_from=forked_from)
        project.branches["main"] = SHA
        project.trees[SHA] = {"README.md": b"An app\n"}
        project.members[self.bot] = MAINTAINER
        self.world.projects[project.id] = project
        return project

    def add_pipeline(self, project: Project, **values: Any) -> Pipeline:
        """A pipeline without jobs; `ref` main at its head unless told."""
        ref = values.pop("ref", "main")
        sha = values.pop("sha", project.branches.get(ref, SHA))
        pipeline = Pipeline(self.world.next_id(), project.id, ref, sha, **values)
        self.world.pipelines[pipeline.id] = pipeline
        return pipeline

    def add_job(self, pipeline: Pipeline, name: str, **values: Any) -> Job:
        """A job; the pipeline's status follows."""
        job = Job(
            id=self.world.next_id(),
            name=name,
            stage=values.pop("stage", "test"),
            pipeline_id=pipeline.id,
            project_id=pipeline.project_id,
            **values,
        )
        self.world.jobs[job.id] = job
        self.world.deploy(job)
        self.world.settle(pipeline)
        return job

    def add_merge_request(
        self, project: Project, branch: str, *, source: Project | None = None, **values: Any
    ) -> MergeRequest:
        """An open request of `branch` (of the fork `source`, if given) into main."""
        home = source or project
        sha = home.branches.setdefault(branch, values.pop("sha", "2" * 40))
        iid = sum(key[0] == project.id for key in self.world.requests) + 1
        request = MergeRequest(
            self.world.next_id(), iid, project.id, home.id, branch, "main", sha, **values
        )
        self.world.requests[project.id, iid] = request
        request.versions.append(("2026-11-20T09:00:00.000Z", sha))
        return request

    def push(self, request: MergeRequest, sha: str, at: str) -> None:
        """A newer head of a request, known at once; its pipeline comes later, if any."""
        self.world.projects[request.source_project_id].branches[request.source_branch] = sha
        request.sha = sha
        request.versions.append((at, sha))

    def add_note(self, request: MergeRequest, author: str, body: str, **values: Any) -> Note:
        """A note that somebody wrote."""
        note = Note(self.world.next_id(), request.project_id, request.iid, author, body, **values)
        self.world.notes[note.id] = note
        return note

    def finish(self, pipeline: Pipeline, **statuses: str) -> None:
        """End what still runs: by name (underscores for dashes), else with success."""
        for job in self.world.jobs_of(pipeline.id):
            if job.status in ("pending", "running", "created"):
                job.status = statuses.get(job.name.replace("-", "_"), "success")
        self.world.settle(pipeline)

    def notes(self, request: MergeRequest) -> list[Note]:
        """The notes of a request, oldest first."""
        return self.world.notes_of(request.project_id, request.iid)

    def fail_next(
        self,
        method: str,
        pattern: str,
        status: int,
        *,
        after: bool = False,
        times: int = 1,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Answer the next matching calls with `status`; `after` having done the work."""
        self.api.faults.append(Fault(method, pattern, status, after, times, headers or {}))

    def limit(self, remaining: int, *, seconds: int = 60) -> None:
        """Allow `remaining` more calls, the next ones in `seconds`."""
        self.api.remaining, self.api.limit_reset = remaining, int(time.time()) + seconds

    def calls(self, method: str, pattern: str = "") -> Sequence[Call]:
        """The calls so far whose path holds `pattern`."""
        return [c for c in self.api.calls if c.method == method and pattern in c.path]

    def pipeline_hook(self, pipeline: Pipeline, **how: Any) -> hooks.Delivery:
        """What GitLab would send about the pipeline as it stands now."""
        return self._deliver("Pipeline Hook", hooks.pipeline_payload(self.world, pipeline), how)

    def job_hook(self, job: Job, **how: Any) -> hooks.Delivery:
        """What GitLab would send about the job as it stands now."""
        return self._deliver("Job Hook", hooks.job_payload(self.world, job), how)

    def note_hook(
        self, request: MergeRequest, note: Note, *, action: str | None = "create", **how: Any
    ) -> hooks.Delivery:
        """What GitLab would send about a note; servers before 16.11 name no action."""
        payload = hooks.note_payload(self.world, request, note, action)
        return self._deliver("Note Hook", payload, how)

    def _deliver(self, event: str, payload: dict[str, Any], how: dict[str, Any]) -> hooks.Delivery:
        secret = {"signing_token": self.signing_token} if how.pop("signed", False) else {}
        return hooks.delivery(event, payload, token=self.secret_token, **secret, **how)
