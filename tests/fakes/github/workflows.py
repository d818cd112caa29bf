"""The fake's workflows and artifacts: what a client asks for to show a run."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.github.api import Api, Asked, Result

ID = 5
"""Of the one workflow that every run here belongs to."""


class Workflows:
    """Handlers beside those of Api."""

    def __init__(self, api: "Api") -> None:
        self._api = api

    def routes(self, repo: str) -> list[tuple[str, str, Any, str]]:
        """Method, pattern, handler and right, as Api lists them."""
        run = f"{repo}/actions/runs/(?P<run>\\d+)"
        return [
            ("GET", f"{repo}/actions/workflows", self.listed, "actions:read"),
            ("GET", f"{repo}/actions/workflows/{ID}", self.one, "actions:read"),
            ("GET", f"{run}/artifacts", self.artifacts, "actions:read"),
        ]

    def _shape(self, repo: str) -> dict[str, Any]:
        runs = self._api.repository(repo).runs.values()
        name = next((run.workflow for run in runs), "CI")
        return {"id": ID, "name": name, "path": ".github/workflows/ci.yml", "state": "active"}

    def listed(self, asked: "Asked", repo: str) -> "Result":
        return self._api.paged(asked, [self._shape(repo)], "workflows")

    def one(self, asked: "Asked", repo: str) -> "Result":
        return 200, self._shape(repo), {}

    def artifacts(self, asked: "Asked", repo: str, run: str) -> "Result":
        return self._api.paged(asked, [], "artifacts")
