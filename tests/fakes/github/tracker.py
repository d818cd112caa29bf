"""The fake's issues, labels, check runs that Apps make, and cancelling, with GitHub's limits."""

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.fakes.github import shapes
from tests.fakes.github.world import Check, Issue, Refused, Repo

if TYPE_CHECKING:
    from tests.fakes.github.api import Api, Asked, Result

Json = dict[str, Any]
LEVELS = ("notice", "warning", "failure")


class Tracker:
    """Handlers beside those of Api, asked before them."""

    def __init__(self, api: "Api") -> None:
        self._api = api

    def routes(self, repo: str) -> list[tuple[str, str, Any, str]]:
        """Method, pattern, handler and right, as Api lists them."""
        number = "(?P<number>\\d+)"
        return [
            ("GET", f"{repo}/issues", self.issues, "issues:read"),
            ("POST", f"{repo}/issues", self.open, "issues:write"),
            ("GET", f"{repo}/issues/{number}", self.issue, "issues:read"),
            ("PATCH", f"{repo}/issues/{number}", self.edit, "issues:write"),
            ("POST", f"{repo}/issues/{number}/labels", self.label, "issues:write"),
            (
                "DELETE", f"{repo}/issues/{number}/labels/(?P<name>.+)", self.unlabel,
                "issues:write",
            ),
            ("POST", f"{repo}/check-runs", self.create_check, "checks:write"),
            ("GET", f"{repo}/check-runs/{number}", self.check, "checks:read"),
            ("PATCH", f"{repo}/check-runs/{number}", self.edit_check, "checks:write"),
            (
                "GET", f"{repo}/check-runs/{number}/annotations", self.annotations, "checks:read",
            ),
            (
                "GET", f"{repo}/commits/(?P<sha>[0-9a-f]+)/check-runs", self.checks, "checks:read",
            ),
            ("POST", f"{repo}/actions/runs/{number}/cancel", self.cancel, "actions:write"),
        ]  # fmt: skip

    def _repo(self, name: str) -> Repo:
        return self._api.repository(name)

    def _issue(self, repo: str, number: str) -> Issue:
        home = self._repo(repo)
        if home.issues_disabled:
            raise Refused(410, "Issues has been disabled in this repository.")
        if int(number) not in home.issues:
            raise Refused(404, "Not Found")
        return home.issues[int(number)]

    def issues(self, asked: "Asked", repo: str) -> "Result":
        home, query = self._repo(repo), asked.query
        if home.issues_disabled:
            raise Refused(410, "Issues has been disabled in this repository.")
        state, creator = query.get("state", "open"), query.get("creator")
        listed: list[Json] = [
            shapes.issue(self._api.base, home, item)
            for item in home.issues.values()
            if state in ("all", item.state) and creator in (None, item.user)
        ]
        listed += [
            {**shapes.pull(self._api.base, home, pull), "pull_request": {}}
            for pull in home.pulls.values()
            if state in ("all", pull.state) and creator in (None, "dev")
        ]
        return self._api.paged(asked, sorted(listed, key=lambda item: -item["number"]))

    def issue(self, asked: "Asked", repo: str, number: str) -> "Result":
        home = self._repo(repo)
        if int(number) in home.pulls:
            return self._api.issue(asked, repo, number)
        return 200, shapes.issue(self._api.base, home, self._issue(repo, number)), {}

    def open(self, asked: "Asked", repo: str) -> "Result":
        home, data = self._repo(repo), asked.body
        if home.issues_disabled:
            raise Refused(410, "Issues has been disabled in this repository.")
        title, body = str(data.get("title") or ""), str(data.get("body") or "")
        if not title or len(title) > 256 or len(body) > 65_536:
            raise Refused(422, "Validation Failed")
        made = Issue(
            self._api.world.next_id(), asked.login, title, body, list(data.get("labels") or [])
        )
        home.issues[made.number] = made
        return 201, shapes.issue(self._api.base, home, made), {}

    def edit(self, asked: "Asked", repo: str, number: str) -> "Result":
        found, data = self._issue(repo, number), asked.body
        if len(str(data.get("body") or "")) > 65_536:
            raise Refused(422, "Validation Failed")
        found.body = data.get("body", found.body)
        found.title = data.get("title", found.title)
        found.state = data.get("state", found.state)
        return 200, shapes.issue(self._api.base, self._repo(repo), found), {}

    def _labels(self, repo: str, number: str) -> list[str]:
        home = self._repo(repo)
        if int(number) in home.pulls:
            return home.pulls[int(number)].labels
        return self._issue(repo, number).labels

    def label(self, asked: "Asked", repo: str, number: str) -> "Result":
        there = self._labels(repo, number)
        for name in asked.body.get("labels") or []:
            if len(name) > 50:
                raise Refused(422, "Validation Failed")
            if name not in there:
                there.append(name)
        return 200, [{"name": name} for name in there], {}

    def unlabel(self, asked: "Asked", repo: str, number: str, name: str) -> "Result":
        there = self._labels(repo, number)
        if unquote(name) not in there:
            raise Refused(404, "Label does not exist")
        there.remove(unquote(name))
        return 200, [{"name": left} for left in there], {}

    def _check(self, repo: str, number: str) -> Check:
        if int(number) not in self._repo(repo).checks:
            raise Refused(404, "Not Found")
        return self._repo(repo).checks[int(number)]

    def create_check(self, asked: "Asked", repo: str) -> "Result":
        """Only Apps' tokens may: personal ones get 403, whatever else they may do."""
        self._only_apps(asked)
        home, data = self._repo(repo), asked.body
        if not data.get("name") or not data.get("head_sha"):
            raise Refused(422, "Validation Failed")
        made = Check(
            self._api.world.next_id(), data["name"], data["head_sha"], data.get("external_id", "")
        )
        self._fill(made, data)
        home.checks[made.id] = made
        return 201, shapes.app_check(self._api.base, home, made), {}

    def edit_check(self, asked: "Asked", repo: str, number: str) -> "Result":
        self._only_apps(asked)
        found = self._check(repo, number)
        self._fill(found, asked.body)
        return 200, shapes.app_check(self._api.base, self._repo(repo), found), {}

    def _only_apps(self, asked: "Asked") -> None:
        if not asked.login.endswith("[bot]"):
            raise Refused(403, "You must authenticate via a GitHub App.")

    def _fill(self, check: Check, data: Json) -> None:
        output = data.get("output") or {}
        fresh = output.get("annotations") or []
        if len(fresh) > 50:
            raise Refused(422, "Only 50 annotations may be sent at a time")
        texts = [output.get("summary") or "", output.get("text") or ""]
        if any(len(text) > 65_535 for text in (*texts, *(item["message"] for item in fresh))):
            raise Refused(422, "Only 65535 characters are allowed")
        if any(item["annotation_level"] not in LEVELS for item in fresh):
            raise Refused(422, "Validation Failed")
        check.conclusion = data.get("conclusion", check.conclusion)
        check.output |= {key: value for key, value in output.items() if key != "annotations"}
        check.annotations += fresh
        check.edits += 1

    def check(self, asked: "Asked", repo: str, number: str) -> "Result":
        if int(number) not in self._repo(repo).checks:
            return self._api.check(asked, repo, number)
        return (
            200,
            shapes.app_check(self._api.base, self._repo(repo), self._check(repo, number)),
            {},
        )

    def annotations(self, asked: "Asked", repo: str, number: str) -> "Result":
        if int(number) not in self._repo(repo).checks:
            return self._api.annotations(asked, repo, number)
        return self._api.paged(asked, self._check(repo, number).annotations)

    def checks(self, asked: "Asked", repo: str, sha: str) -> "Result":
        home, name = self._repo(repo), asked.query.get("check_name")
        found = [
            shapes.app_check(self._api.base, home, item)
            for item in home.checks.values()
            if item.sha == sha and name in (None, item.name)
        ]
        return self._api.paged(asked, found, "check_runs")

    def cancel(self, asked: "Asked", repo: str, number: str) -> "Result":
        run = self._api.world.find_run(int(number))
        if run is None or run.repo.name != repo:
            raise Refused(404, "Not Found")
        if run.conclusion is not None:
            raise Refused(409, "Cannot cancel a workflow run that is completed.")
        for job in run.jobs:
            job.conclusion = job.conclusion or "cancelled"
        run.conclusion = "cancelled"
        return 202, {}, {}
