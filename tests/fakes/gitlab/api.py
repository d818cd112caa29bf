"""The fake's version 4 API: routes, permissions, pages, limits and faults on request."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from tests.fakes.gitlab import entities
from tests.fakes.gitlab.changes import Changes
from tests.fakes.gitlab.people import People
from tests.fakes.gitlab.world import (
    DEVELOPER,
    NOTE_LIMIT,
    REPORTER,
    Job,
    MergeRequest,
    Note,
    Pipeline,
    Project,
    Refused,
    Token,
    World,
)

Json = dict[str, Any]


@dataclass
class Call:
    """One request as a handler sees it: who asks, with what."""

    method: str
    path: str
    query: dict[str, str]
    data: Json
    token: Token
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def username(self) -> str:
        return self.token.username


@dataclass
class Fault:
    """The next `times` calls that match are answered so; `after` the work was really done."""

    method: str
    pattern: str
    status: int
    after: bool
    times: int
    headers: dict[str, str]


class Api:
    """Answers requests out of a World; `trace_link` makes the second origin's address."""

    def __init__(self, world: World, prefix: str, trace_link: Callable[[Job], str | None]) -> None:
        self.world = world
        self.prefix = f"{prefix}/api/v4"
        self.external_url = ""
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.remaining: int | None = None
        self.limit_reset = 0
        self._trace_link = trace_link
        project = r"/projects/([^/]+)"
        request = project + r"/merge_requests/(\d+)"
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Response]]] = [
            (method, re.compile(self.prefix + pattern), handler)
            for method, pattern, handler in (
                ("GET", "/user", self._user),
                ("GET", "/version", self._version),
                ("GET", "/personal_access_tokens/self", self._token_self),
                ("GET", project, self._project),
                ("GET", project + "/pipelines", self._pipelines),
                ("GET", project + r"/pipelines/(\d+)", self._pipeline),
                ("GET", project + r"/pipelines/(\d+)/jobs", self._pipeline_jobs),
                ("GET", project + r"/pipelines/(\d+)/bridges", self._bridges),
                ("POST", project + r"/pipelines/(\d+)/retry", self._retry_pipeline),
                ("GET", project + r"/jobs/(\d+)", self._job),
                ("GET", project + r"/jobs/(\d+)/trace", self._trace),
                ("POST", project + r"/jobs/(\d+)/retry", self._retry_job),
                ("GET", project + "/deployments", self._deployments),
                ("GET", project + r"/repository/branches/([^/]+)", self._branch),
                ("GET", project + "/merge_requests", self._requests),
                ("GET", request, self._request),
                ("GET", request + "/notes", self._notes),
                ("POST", request + "/notes", self._create_note),
                ("GET", request + r"/notes/(\d+)", self._note),
                ("PUT", request + r"/notes/(\d+)", self._edit_note),
                *Changes(self).routes(project),
                *People(self).routes(project),
            )
        ]

    async def __call__(self, request: Request) -> Response:
        """The one endpoint: encoded slashes matter, so the raw path is matched."""
        path = request.scope["raw_path"].decode().partition("?")[0]
        body = await request.body()
        try:
            token = self._authenticated(request)
            self._count_down()
            call = Call(
                method=request.method,
                path=path,
                query=dict(request.query_params),
                data=await request.json() if body else {},
                token=token,
                headers=dict(request.headers),
            )
            self.calls.append(call)
            return self._answer(call)
        except Refused as refused:
            headers = self._limit_headers()
            return JSONResponse(refused.payload, refused.status, headers=headers)

    def _answer(self, call: Call) -> Response:
        fault = self._fault_for(call)
        if fault and not fault.after:
            return self._faulty(fault)
        for method, pattern, handler in self._routes:
            if method == call.method and (match := pattern.fullmatch(call.path)):
                self._writable(call)
                response = handler(call, *(unquote(part) for part in match.groups()))
                return self._faulty(fault) if fault else response
        raise Refused(404, "404 Not Found", "error")

    def _fault_for(self, call: Call) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == call.method and re.search(fault.pattern, call.path):
                fault.times -= 1
                return fault
        return None

    def _faulty(self, fault: Fault) -> Response:
        return Response("<html>upstream trouble</html>", fault.status, fault.headers, "text/html")

    def _authenticated(self, request: Request) -> Token:
        given = request.headers.get("private-token")
        bearer = request.headers.get("authorization", "")
        token = self.world.tokens.get(given or bearer.removeprefix("Bearer "))
        if token is None:
            raise Refused(401, "401 Unauthorized")
        return token

    def _count_down(self) -> None:
        if self.remaining is None:
            return
        if self.remaining <= 0:
            raise Refused(429, "Too many requests")
        self.remaining -= 1

    def _limit_headers(self) -> dict[str, str]:
        if self.remaining is None:
            return {}
        return {
            "RateLimit-Limit": "60",
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.limit_reset),
            "Retry-After": str(max(0, self.limit_reset - int(time.time()))),
        }

    def _writable(self, call: Call) -> None:
        if call.method != "GET" and "api" not in call.token.scopes:
            raise Refused(403, "insufficient_scope", "error")

    def member(self, call: Call, ref: str, level: int = REPORTER) -> Project:
        """The project, hidden from those who are no members of it."""
        for project in self.world.projects.values():
            if ref in (str(project.id), project.path) and call.username in project.members:
                if project.members[call.username] < level:
                    raise Refused(403, "403 Forbidden")
                return project
        raise Refused(404, "404 Project Not Found")

    def page(self, call: Call, rows: list[Json]) -> Response:
        size = min(int(call.query.get("per_page", 20)), 100)
        page = int(call.query.get("page", 1))
        more = len(rows) > page * size
        headers = {
            "X-Page": str(page),
            "X-Per-Page": str(size),
            "X-Next-Page": str(page + 1) if more else "",
            "X-Total": str(len(rows)),
            "X-Total-Pages": str(-(-len(rows) // size)),
        }
        if more:
            query = urlencode({**call.query, "page": page + 1, "per_page": size})
            headers["Link"] = f'<{self.external_url}{call.path}?{query}>; rel="next"'
        return JSONResponse(rows[(page - 1) * size : page * size], headers=headers)

    def _user(self, call: Call) -> Response:
        return JSONResponse(entities.user(call.username))

    def _version(self, _: Call) -> Response:
        return JSONResponse({"version": "19.1.0-fake", "revision": "0"})

    def _token_self(self, call: Call) -> Response:
        known = {"id": 1, "name": "guard", "expires_at": call.token.expires_at}
        return JSONResponse({**known, "scopes": list(call.token.scopes)})

    def _project(self, call: Call, ref: str) -> Response:
        project = self.member(call, ref)
        ours = {"project_access": {"access_level": project.members[call.username]}}
        told = {"permissions": {**ours, "group_access": None}}
        return JSONResponse(entities.project(project) | told)

    def _find_pipeline(self, call: Call, ref: str, number: str, level: int = REPORTER) -> Pipeline:
        project = self.member(call, ref, level)
        found = self.world.pipelines.get(int(number))
        if found is None or found.project_id != project.id:
            raise Refused(404, "404 Not found")
        return found

    def _pipelines(self, call: Call, ref: str) -> Response:
        project = self.member(call, ref)
        mine = [item for item in self.world.pipelines.values() if item.project_id == project.id]
        if status := call.query.get("status"):
            mine = [item for item in mine if item.status == status]
        if after := call.query.get("updated_after"):
            mine = [item for item in mine if _moment(item.updated_at) > _moment(after)]
        order = call.query.get("order_by", "id")
        mine.sort(key=lambda item: getattr(item, order), reverse=True)
        return self.page(call, [entities.pipeline(self.world, item) for item in mine])

    def _pipeline(self, call: Call, ref: str, number: str) -> Response:
        found = self._find_pipeline(call, ref, number)
        return JSONResponse(entities.pipeline(self.world, found))

    def _jobs(self, call: Call, ref: str, number: str, *, bridge: bool) -> Response:
        found = self._find_pipeline(call, ref, number)
        retried = call.query.get("include_retried", "").lower() == "true"
        rows = self.world.jobs_of(found.id, retried=retried)
        shapes = [entities.job(self.world, job) for job in rows if job.bridge is bridge]
        return self.page(call, shapes)

    def _pipeline_jobs(self, call: Call, ref: str, number: str) -> Response:
        return self._jobs(call, ref, number, bridge=False)

    def _bridges(self, call: Call, ref: str, number: str) -> Response:
        return self._jobs(call, ref, number, bridge=True)

    def _retry_pipeline(self, call: Call, ref: str, number: str) -> Response:
        found = self._find_pipeline(call, ref, number, DEVELOPER)
        self.world.retry_pipeline(found, call.username)
        return JSONResponse(entities.pipeline(self.world, found), 201)

    def _find_job(self, call: Call, ref: str, number: str, level: int = REPORTER) -> Job:
        project = self.member(call, ref, level)
        found = self.world.jobs.get(int(number))
        if found is None or found.project_id != project.id:
            raise Refused(404, "404 Not found")
        return found

    def _job(self, call: Call, ref: str, number: str) -> Response:
        return JSONResponse(entities.job(self.world, self._find_job(call, ref, number)))

    def _trace(self, call: Call, ref: str, number: str) -> Response:
        found = self._find_job(call, ref, number)
        if link := self._trace_link(found):
            return RedirectResponse(link, 302)
        return Response(found.trace, media_type="text/plain")

    def _retry_job(self, call: Call, ref: str, number: str) -> Response:
        found = self._find_job(call, ref, number, DEVELOPER)
        if found.retried or found.status not in ("failed", "success", "canceled"):
            raise Refused(403, "403 Forbidden - Job is not retryable")
        return JSONResponse(entities.job(self.world, self.world.retry(found, call.username)), 201)

    def _deployments(self, call: Call, ref: str) -> Response:
        project = self.member(call, ref)
        mine = [item for item in self.world.deployments if item.project_id == project.id]
        order = call.query.get("order_by", "id")
        if after := call.query.get("updated_after"):
            if order != "updated_at":
                raise Refused(400, "`updated_at` filter and `updated_at` sorting must be paired")
            mine = [item for item in mine if _moment(item.updated_at) > _moment(after)]
        down = call.query.get("sort") == "desc"
        mine.sort(key=lambda item: getattr(item, order), reverse=down)
        return self.page(call, [entities.deployment(self.world, item) for item in mine])

    def _branch(self, call: Call, ref: str, name: str) -> Response:
        project = self.member(call, ref)
        if name not in project.branches:
            raise Refused(404, "404 Branch Not Found")
        return JSONResponse(entities.branch(project, name))

    def _requests(self, call: Call, ref: str) -> Response:
        project = self.member(call, ref)
        if not project.requests_enabled:
            raise Refused(403, "403 Forbidden")
        mine = [item for item in self.world.requests.values() if item.project_id == project.id]
        if (state := call.query.get("state", "all")) != "all":
            mine = [item for item in mine if item.state == state]
        for key in ("source_branch", "target_branch"):
            if wanted := call.query.get(key):
                mine = [item for item in mine if getattr(item, key) == wanted]
        rows = [entities.merge_request(self.world, item, full=False) for item in mine]
        return self.page(call, rows)

    def find_request(self, call: Call, ref: str, iid: str) -> MergeRequest:
        project = self.member(call, ref)
        found = self.world.requests.get((project.id, int(iid)))
        if found is None:
            raise Refused(404, "404 Not found")
        return found

    def _request(self, call: Call, ref: str, iid: str) -> Response:
        found = self.find_request(call, ref, iid)
        return JSONResponse(entities.merge_request(self.world, found))

    def _notes(self, call: Call, ref: str, iid: str) -> Response:
        found = self.find_request(call, ref, iid)
        notes = self.world.notes_of(found.project_id, found.iid)
        if call.query.get("activity_filter") == "only_comments":
            notes = [note for note in notes if not note.system]
        notes.sort(key=lambda note: note.id, reverse=call.query.get("sort", "desc") == "desc")
        return self.page(call, [entities.note(note) for note in notes])

    def _body_of(self, call: Call, request: MergeRequest) -> str:
        body = str(call.data.get("body") or "")
        if not body.strip():
            raise Refused(400, "body is missing", "error")
        if len(body) > NOTE_LIMIT:
            raise Refused(400, {"note": [f"is too long (maximum is {NOTE_LIMIT} characters)"]})
        return self.world.act_on(request, body)

    def _create_note(self, call: Call, ref: str, iid: str) -> Response:
        found = self.find_request(call, ref, iid)
        body = self._body_of(call, found)
        note = Note(self.world.next_id(), found.project_id, found.iid, call.username, body)
        self.world.notes[note.id] = note
        return JSONResponse(entities.note(note), 201)

    def find_note(self, call: Call, ref: str, iid: str, number: str) -> Note:
        found = self.find_request(call, ref, iid)
        note = self.world.notes.get(int(number))
        if note is None or (note.project_id, note.request_iid) != (found.project_id, found.iid):
            raise Refused(404, "404 Not found")
        return note

    def _note(self, call: Call, ref: str, iid: str, number: str) -> Response:
        return JSONResponse(entities.note(self.find_note(call, ref, iid, number)))

    def _edit_note(self, call: Call, ref: str, iid: str, number: str) -> Response:
        note = self.find_note(call, ref, iid, number)
        if note.author != call.username:
            raise Refused(403, "403 Forbidden")
        note.body = self._body_of(call, self.find_request(call, ref, iid))
        note.edits += 1
        return JSONResponse(entities.note(note))


def _moment(value: str) -> datetime:
    return datetime.fromisoformat(value)
