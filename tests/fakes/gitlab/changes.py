"""The fake's writing side: issues, commits on new branches, and merge requests made of them."""

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from tests.fakes.gitlab import entities
from tests.fakes.gitlab.world import (
    ACTIVE,
    DEVELOPER,
    Commit,
    Issue,
    MergeRequest,
    Project,
    Refused,
)

if TYPE_CHECKING:
    from tests.fakes.gitlab.api import Api, Call

Json = dict[str, Any]


class Changes:
    """Handlers beside those of Api, on the same world and with the same permissions."""

    def __init__(self, api: "Api") -> None:
        self._api = api

    def routes(self, project: str) -> list[tuple[str, str, Any]]:
        """Method, pattern and handler, as Api lists them."""
        return [
            ("GET", project + "/issues", self._issues),
            ("POST", project + "/issues", self._open_issue),
            ("GET", project + r"/issues/(\d+)", self._issue),
            ("PUT", project + r"/issues/(\d+)", self._edit_issue),
            ("GET", project + r"/repository/files/([^/]+)", self._file),
            ("POST", project + "/repository/commits", self._commit),
            ("GET", project + r"/repository/commits/([^/]+)", self._get_commit),
            ("POST", project + "/merge_requests", self._open_request),
            ("GET", project + r"/merge_requests/(\d+)/diffs", self._diffs),
            ("GET", project + r"/merge_requests/(\d+)/versions", self._versions),
            ("PUT", project + r"/merge_requests/(\d+)", self._edit_request),
            ("POST", project + r"/pipelines/(\d+)/cancel", self._cancel),
        ]

    def _tracked(self, call: "Call", ref: str) -> Project:
        project = self._api.member(call, ref)
        if not project.issues_enabled:
            raise Refused(403, "403 Forbidden")
        return project

    def _issues(self, call: "Call", ref: str) -> Response:
        project = self._tracked(call, ref)
        mine = [one for one in self._api.world.issues.values() if one.project_id == project.id]
        if state := call.query.get("state"):
            mine = [one for one in mine if one.state == state]
        if author := call.query.get("author_username"):
            mine = [one for one in mine if one.author == author]
        mine.sort(key=lambda one: -one.id)
        return self._api.page(call, [entities.issue(self._api.world, one) for one in mine])

    def _open_issue(self, call: "Call", ref: str) -> Response:
        project, world = self._tracked(call, ref), self._api.world
        title = _text(call, "title", 255)
        iid = sum(key[0] == project.id for key in world.issues) + 1
        issue = Issue(world.next_id(), iid, project.id, call.username, title)
        world.issues[project.id, iid] = issue
        self._apply(issue, call.data)
        return JSONResponse(entities.issue(world, issue), 201)

    def _find(self, call: "Call", ref: str, iid: str) -> Issue:
        project = self._api.member(call, ref)
        found = self._api.world.issues.get((project.id, int(iid)))
        if found is None:
            raise Refused(404, "404 Not found")
        return found

    def _issue(self, call: "Call", ref: str, iid: str) -> Response:
        return JSONResponse(entities.issue(self._api.world, self._find(call, ref, iid)))

    def _edit_issue(self, call: "Call", ref: str, iid: str) -> Response:
        issue = self._find(call, ref, iid)
        self._apply(issue, call.data)
        return JSONResponse(entities.issue(self._api.world, issue))

    def _apply(self, issue: Issue, data: Json) -> None:
        if (description := data.get("description")) is not None:
            issue.description = self._api.world.act_on(issue, description)
        if labels := data.get("labels"):
            issue.labels = labels.split(",") if isinstance(labels, str) else list(labels)
        if event := data.get("state_event"):
            issue.state = {"close": "closed", "reopen": "opened"}[event]

    def _tree(self, project: Project, ref: str) -> dict[str, bytes]:
        ref = project.default_branch if ref == "HEAD" else ref
        sha = project.branches.get(ref, ref)
        if sha not in project.trees:
            raise Refused(404, "404 Commit Not Found")
        return project.trees[sha]

    def _file(self, call: "Call", ref: str, path: str) -> Response:
        tree = self._tree(self._api.member(call, ref), call.query.get("ref", "main"))
        if path not in tree:
            raise Refused(404, "404 File Not Found")
        content = base64.b64encode(tree[path]).decode()
        return JSONResponse({"file_path": path, "encoding": "base64", "content": content})

    def _commit(self, call: "Call", ref: str) -> Response:
        project = self._api.member(call, ref, DEVELOPER)
        branch, message = _text(call, "branch", 255), _text(call, "commit_message", 10_000)
        start = call.data.get("start_sha")
        if start and branch in project.branches:
            raise Refused(400, f"A branch called '{branch}' already exists.")
        parent = start or project.branches.get(branch)
        if parent is None:
            raise Refused(400, "You can only create or edit files when you are on a branch")
        tree = dict(self._tree(project, parent))
        for action in call.data.get("actions") or []:
            _act(tree, action)
        sha = hashlib.sha1(f"{parent}{branch}{message}{tree}".encode()).hexdigest()
        project.branches[branch], project.trees[sha] = sha, tree
        project.commits[sha] = Commit(sha, parent, message)
        return JSONResponse(entities.commit(project.commits[sha]), 201)

    def _get_commit(self, call: "Call", ref: str, name: str) -> Response:
        project = self._api.member(call, ref)
        found = project.commits.get(project.branches.get(name, name))
        if found is None:
            raise Refused(404, "404 Commit Not Found")
        return JSONResponse(entities.commit(found))

    def _open_request(self, call: "Call", ref: str) -> Response:
        project, world = self._api.member(call, ref, DEVELOPER), self._api.world
        source, target = _text(call, "source_branch", 255), _text(call, "target_branch", 255)
        title = _text(call, "title", 255)
        if not {source, target} <= set(project.branches):
            raise Refused(400, ["Source or target branch does not exist"])
        mine = [one for one in world.requests.values() if one.project_id == project.id]
        for one in mine:
            own = one.source_project_id == project.id and one.state == "opened"
            if own and (one.source_branch, one.target_branch) == (source, target):
                raise Refused(409, [f"Another open merge request already exists: !{one.iid}"])
        iid, sha = len(mine) + 1, project.branches[source]
        request = MergeRequest(
            world.next_id(), iid, project.id, project.id, source, target, sha, title
        )
        request.author = call.username
        request.description = world.act_on(request, call.data.get("description") or "")
        world.requests[project.id, iid] = request
        return JSONResponse(entities.merge_request(world, request), 201)

    def _versions(self, call: "Call", ref: str, iid: str) -> Response:
        found = self._api.find_request(call, ref, iid)
        rows = [
            {"id": number, "head_commit_sha": sha, "created_at": since, "state": "collected"}
            for number, (since, sha) in enumerate(found.versions, 1)
        ]
        return self._api.page(call, rows[::-1])

    def _diffs(self, call: "Call", ref: str, iid: str) -> Response:
        found = self._api.find_request(call, ref, iid)
        rows = [
            {"old_path": path, "new_path": path, "deleted_file": gone, "diff": ""}
            for path, gone in found.files.items()
        ]
        return self._api.page(call, rows)

    def _edit_request(self, call: "Call", ref: str, iid: str) -> Response:
        project, world = self._api.member(call, ref, DEVELOPER), self._api.world
        found = world.requests.get((project.id, int(iid)))
        if found is None:
            raise Refused(404, "404 Not found")
        added = [name for name in str(call.data.get("add_labels") or "").split(",") if name]
        removed = str(call.data.get("remove_labels") or "").split(",")
        found.labels = [name for name in dict.fromkeys(found.labels + added) if name not in removed]
        return JSONResponse(entities.merge_request(world, found))

    def _cancel(self, call: "Call", ref: str, number: str) -> Response:
        self._api.member(call, ref, DEVELOPER)
        world = self._api.world
        pipeline = world.pipelines[int(number)]
        for job in world.jobs_of(pipeline.id):
            if job.status in ACTIVE:
                job.status = "canceled"
        world.settle(pipeline)
        return JSONResponse(entities.pipeline(world, pipeline))


def _text(call: "Call", key: str, limit: int) -> str:
    value = str(call.data.get(key) or "")
    if not value or len(value) > limit:
        raise Refused(400, {key: [f"is missing or longer than {limit}"]})
    return value


def _act(tree: dict[str, bytes], action: Json) -> None:
    """One action of a commit; GitLab minds whether the file is there."""
    path, kind = str(action["file_path"]), action["action"]
    if (path in tree) is (kind == "create"):
        raise Refused(400, f"A file with this name does or does not exist: {path}")
    if kind == "delete":
        del tree[path]
        return
    content = str(action.get("content") or "")
    coded = action.get("encoding") == "base64"
    tree[path] = base64.b64decode(content) if coded else content.encode()
