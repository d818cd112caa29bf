"""The fake's workflows and artifacts: what a client asks for to show a run, and dispatches."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import yaml
from tests.fakes.github import shapes
from tests.fakes.github.world import Job, Refused, Repo, Run

if TYPE_CHECKING:
    from tests.fakes.github.api import Api, Asked, Result

ID = 5
"""Of the one workflow that every run here belongs to."""
PATH = ".github/workflows/ci.yml"
FILTERS = {"event": "event", "branch": "branch", "head_sha": "sha", "actor": "actor"}
"""Of lists of runs, by what they compare."""


class Workflows:
    """Handlers beside those of Api."""

    def __init__(self, api: "Api") -> None:
        self._api = api

    def routes(self, repo: str) -> list[tuple[str, str, Any, str]]:
        """Method, pattern, handler and right, as Api lists them."""
        run = f"{repo}/actions/runs/(?P<run>\\d+)"
        one = f"{repo}/actions/workflows/(?:{ID}|ci.yml)"
        return [
            ("GET", f"{repo}/actions/workflows", self.listed, "actions:read"),
            ("GET", one, self.one, "actions:read"),
            ("GET", f"{one}/runs", self.runs, "actions:read"),
            ("POST", f"{one}/dispatches", self.dispatch, "actions:write"),
            ("GET", f"{run}/artifacts", self.artifacts, "actions:read"),
        ]

    def _shape(self, repo: str) -> dict[str, Any]:
        runs = self._api.repository(repo).runs.values()
        name = next((run.workflow for run in runs), "CI")
        url = f"{self._api.base}/repos/{repo}/actions/workflows/{ID}"
        return {"id": ID, "name": name, "path": PATH, "state": "active", "url": url}

    def listed(self, asked: "Asked", repo: str) -> "Result":
        return self._api.paged(asked, [self._shape(repo)], "workflows")

    def one(self, asked: "Asked", repo: str) -> "Result":
        return 200, self._shape(repo), {}

    def artifacts(self, asked: "Asked", repo: str, run: str) -> "Result":
        return self._api.paged(asked, [], "artifacts")

    def runs(self, asked: "Asked", repo: str) -> "Result":
        """The newest first, by the filters that are given."""
        since = asked.query.get("created", ">=").removeprefix(">=")
        found = [
            run for run in self._api.repository(repo).runs.values()
            if run.created_at >= since and all(
                getattr(run, name) == asked.query.get(key, getattr(run, name))
                for key, name in FILTERS.items()
            )
        ]  # fmt: skip
        listed = [shapes.workflow_run(self._api.base, run) for run in reversed(found)]
        return self._api.paged(asked, listed, "workflow_runs")

    def dispatch(self, asked: "Asked", repo: str) -> "Result":
        """Start a run of the workflow as it is on a branch, if it takes what it is given."""
        home, world = self._api.repository(repo), self._api.world
        known = {"ref", "inputs"} | (
            {"return_run_details"} if world.dispatches != "strict" else set()
        )
        for key in asked.body:
            if key not in known:
                raise Refused(422, f'Invalid request. "{key}" is not a permitted key.')
        ref = asked.body.get("ref")
        if not ref:
            raise Refused(422, 'Invalid request. "ref" wasn\'t supplied.')
        branch = str(ref).removeprefix("refs/heads/")
        if branch not in home.branches:
            raise Refused(422, f"No ref found for: {ref}")
        workflow = _workflow(home, home.branches[branch])
        _accept(workflow, asked.body.get("inputs") or {})
        made = self._start(home, branch, asked.login, workflow)
        made.inputs = dict(asked.body.get("inputs") or {})
        if world.dispatches != "details" or not asked.body.get("return_run_details"):
            return 204, None, {}
        told = shapes.workflow_run(self._api.base, made)
        return 200, {"workflow_run_id": made.id, "run_url": told["url"],
                     "html_url": told["html_url"]}, {}  # fmt: skip

    def _start(self, home: Repo, branch: str, login: str, workflow: dict[str, Any]) -> Run:
        world = self._api.world
        name = str(workflow.get("name") or PATH)
        made = Run(
            world.next_id(), home, branch, home.branches[branch], "workflow_dispatch", login, name,
            home.name, created_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )  # fmt: skip
        jobs = workflow["jobs"].items()
        made.attempts.append([Job(world.next_id(), job.get("name", key), 1) for key, job in jobs])
        home.runs[made.id] = made
        return made


def _workflow(home: Repo, sha: str) -> dict[str, Any]:
    raw = home.at(sha).get(PATH)
    if raw is None:
        raise Refused(404, "Not Found")
    found = yaml.safe_load(raw)
    assert isinstance(found, dict)
    return found


def _accept(workflow: dict[Any, Any], given: dict[str, Any]) -> None:
    """Hold inputs against what the workflow declares; YAML 1.1 reads its `on` as true."""
    on = workflow.get("on", workflow.get(True))
    if "workflow_dispatch" not in ([on] if isinstance(on, str) else on):
        raise Refused(422, "Workflow does not have 'workflow_dispatch' trigger")
    dispatch = on["workflow_dispatch"] if isinstance(on, dict) else None
    declared = (dispatch or {}).get("inputs") or {}
    if unexpected := [name for name in given if name not in declared]:
        raise Refused(422, f"Unexpected inputs provided: {unexpected}")
    for name, about in declared.items():
        said = about or {}
        if name not in given:
            if said.get("required") and "default" not in said:
                raise Refused(422, f"Required input '{name}' not provided")
        elif said.get("type") == "choice" and given[name] not in said["options"]:
            raise Refused(
                422,
                f"Provided value '{given[name]}' for input '{name}' not in the list of allowed"
                " values",
            )
