"""The fake GitHub's REST endpoints: permissions, pages, re-runs and comments over the state."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlencode

from tests.fakes.github import shapes
from tests.fakes.github.deliveries import Deliveries
from tests.fakes.github.git import Git
from tests.fakes.github.manifests import Manifests
from tests.fakes.github.tracker import Tracker
from tests.fakes.github.workflows import Workflows
from tests.fakes.github.world import Comment, Pull, Refused, Repo, Run, World

SIGNS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")
LEVELS = ("none", "read", "write")
AREAS = ("actions", "checks", "contents", "issues", "metadata", "pull_requests", "workflows",
         "repository_hooks")  # fmt: skip
GRANTED = dict.fromkeys(AREAS[:6], "write")
"""What an installation has unless a test says otherwise."""
NO_RIGHTS = dict.fromkeys(AREAS, "none") | {"metadata": "read"}
Result = tuple[int, Any, dict[str, str]]


class Asked:
    """A call on its way: who asks, and with what."""

    def __init__(self, url: str, token: str | None, query: dict[str, str], body: Any) -> None:
        self.url, self.token, self.query, self.body = url, token, query, body or {}
        self.login, self.app, self.rights = "", False, {}


class Api:
    """Routes by literal patterns; `base` is the URL below which they live."""

    def __init__(self, world: World, link: Callable[[int], str]) -> None:
        self.world, self.base = world, ""
        self.manifests = Manifests(self)
        self._link = link
        self.git = Git(self)
        self.routes = [
            (method, re.compile(pattern), handler, needs)
            for method, pattern, handler, needs in self._routes("/repos/(?P<repo>[^/]+/[^/]+)")
        ]

    def _routes(self, repo: str) -> tuple[tuple[str, str, Callable[..., Result], str], ...]:
        run, number = f"{repo}/actions/runs/(?P<run>\\d+)", "(?P<number>\\d+)"
        jobs = f"{repo}/actions/jobs/{number}"
        return (
            *self.git.routes(repo),
            *Tracker(self).routes(repo),
            ("GET", "/user", self.user, ""),
            ("GET", "/rate_limit", self.rate_limit, ""),
            ("GET", "/app", self.app, "app"),
            ("GET", f"{repo}/installation", self.installation, "app"),
            ("POST", f"/app/installations/{number}/access_tokens", self.access_token, "app"),
            ("GET", repo, self.repo, "metadata:read"),
            ("GET", f"{repo}/branches/(?P<name>.+)", self.branch, "contents:read"),
            ("GET", f"{repo}/git/ref/tags/(?P<name>.+)", self.tag, "contents:read"),
            ("GET", f"{repo}/contents/(?P<path>.+)", self.contents, "contents:read"),
            ("GET", run, self.run, "actions:read"),
            ("GET", f"{run}/jobs", self.jobs, "actions:read"),
            ("GET", f"{run}/attempts/{number}/jobs", self.attempt_jobs, "actions:read"),
            ("POST", f"{run}/rerun", self.rerun, "actions:write"),
            ("POST", f"{run}/rerun-failed-jobs", self.rerun_failed, "actions:write"),
            ("GET", jobs, self.job, "actions:read"),
            ("GET", f"{jobs}/logs", self.log, "actions:read"),
            ("POST", f"{jobs}/rerun", self.rerun_job, "actions:write"),
            ("GET", f"{repo}/check-runs/{number}", self.check, "checks:read"),
            ("GET", f"{repo}/check-runs/{number}/annotations", self.annotations, "checks:read"),
            ("GET", f"{repo}/commits/(?P<sha>[0-9a-f]+)", self.commit, "contents:read"),
            (
                "GET",
                f"{repo}/commits/(?P<sha>[0-9a-f]+)/pulls",
                self.commit_pulls,
                "pull_requests:read",
            ),
            ("GET", f"{repo}/pulls", self.pulls, "pull_requests:read"),
            ("GET", f"{repo}/pulls/{number}", self.pull, "pull_requests:read"),
            ("GET", f"{repo}/issues/{number}", self.issue, "issues:read"),
            ("GET", f"{repo}/issues/{number}/comments", self.comments, "issues:read"),
            ("POST", f"{repo}/issues/{number}/comments", self.add_comment, "issues:write"),
            ("GET", f"{repo}/issues/comments/{number}", self.comment, "issues:read"),
            ("PATCH", f"{repo}/issues/comments/{number}", self.edit_comment, "issues:write"),
            ("POST", f"{repo}/issues/comments/{number}/reactions", self.react, "issues:write"),
            (
                "GET",
                f"{repo}/collaborators/(?P<login>[^/]+)/permission",
                self.permission,
                "metadata:read",
            ),
            *Deliveries(self).routes(repo),
            *self.manifests.routes(),
            *Workflows(self).routes(repo),
        )

    def answer(self, method: str, path: str, asked: Asked) -> Result:
        """Find the route, check who asks, do it."""
        try:
            for verb, pattern, handler, needs in self.routes:
                found = pattern.fullmatch(path)
                if verb == method and found:
                    self._admit(asked, needs, found.groupdict())
                    return handler(asked, **found.groupdict())
        except Refused as refused:
            return refused.status, {"message": refused.message}, {}
        return 404, {"message": "Not Found"}, {}

    def _admit(self, asked: Asked, needs: str, found: dict[str, str]) -> None:
        repo = found.get("repo")
        if needs == "nobody":
            return
        token = self.world.tokens.get(asked.token or "")
        if token is None:
            raise Refused(401, "Bad credentials")
        asked.login, asked.app, asked.rights = token["login"], token["app"], token["rights"]
        area, _, level = needs.partition(":")
        if area == "app" and not asked.app:
            raise Refused(401, "A JSON web token could not be decoded")
        if repo and token["repos"] is not None and repo.split("/")[1] not in token["repos"]:
            raise Refused(404, "Not Found")
        areas = [area, "pull_requests"] if area == "issues" and self._is_pull(found) else [area]
        held = [asked.rights.get(name, "write") for name in areas]
        if level and not any(LEVELS.index(one) >= LEVELS.index(level) for one in held):
            raise Refused(403, "Resource not accessible by integration")

    def _is_pull(self, found: dict[str, str]) -> bool:
        """A pull request is an issue, too: for those, either right will do."""
        home = self.world.repos.get(found["repo"])
        number = int(found.get("number") or 0)
        comment = home.comments.get(number) if home else None
        return home is not None and (number in home.pulls or comment is not None)

    def paged(self, asked: Asked, items: list[Any], key: str | None = None) -> Result:
        """One page of a list."""
        return self._paged(asked, items, key)

    def repository(self, name: str) -> Repo:
        """The repository of that name; 404 without it."""
        return self._repo(name)

    def _repo(self, name: str) -> Repo:
        if name not in self.world.repos:
            raise Refused(404, "Not Found")
        return self.world.repos[name]

    def _run(self, repo: str, run: str) -> Run:
        found = self._repo(repo).runs.get(int(run))
        if found is None:
            raise Refused(404, "Not Found")
        return found

    def _paged(self, asked: Asked, items: list[Any], key: str | None = None) -> Result:
        size = min(int(asked.query.get("per_page", "30")), 100)
        page = int(asked.query.get("page", "1"))
        part, headers = items[(page - 1) * size : page * size], {}
        if len(items) > page * size:
            query = urlencode({**asked.query, "page": str(page + 1)})
            headers["link"] = f'<{asked.url}?{query}>; rel="next"'
        return 200, {"total_count": len(items), key: part} if key else part, headers

    def user(self, asked: Asked) -> Result:
        if asked.login.endswith("[bot]"):
            raise Refused(403, "Resource not accessible by integration")
        return 200, shapes.user(asked.login), {"x-oauth-scopes": "repo, workflow"}

    def rate_limit(self, asked: Asked) -> Result:
        core = {"limit": 5000, "remaining": 4999, "reset": 1_900_000_000, "used": 1}
        return 200, {"resources": {"core": core, "search": core}, "rate": core}, {}

    def app(self, asked: Asked) -> Result:
        known = {"id": 1, "slug": "guard", "permissions": {"actions": "write"}}
        return 200, known | self.world.app_settings, {}

    def installation(self, asked: Asked, repo: str) -> Result:
        if repo not in self.world.installations:
            raise Refused(404, "Not Found")
        granted = self.world.granted.get(repo, GRANTED)
        return 200, {
            "id": self.world.installations[repo], "app_id": 1, "permissions": granted,
        }, {}  # fmt: skip

    def access_token(self, asked: Asked, number: str) -> Result:
        if int(number) not in self.world.installations.values():
            raise Refused(404, "Not Found")
        token = f"ghs_{self.world.next_id()}"
        repos = asked.body.get("repositories")
        home = next(name for name, id_ in self.world.installations.items() if id_ == int(number))
        granted = self.world.granted.get(home, GRANTED)
        rights = asked.body.get("permissions", granted)
        if any(LEVELS.index(level) > LEVELS.index(granted.get(area, "none"))
               for area, level in rights.items()):  # fmt: skip
            raise Refused(422, "The permissions requested are not granted to this installation.")
        self.world.tokens[token] = {
            "login": "guard[bot]", "app": False, "rights": {**NO_RIGHTS, **rights}, "repos": repos,
        }  # fmt: skip
        answer = {"token": token, "expires_at": "2099-01-01T00:00:00Z", "permissions": rights}
        return 201, answer, {}

    def repo(self, asked: Asked, repo: str) -> Result:
        rights = {"pull": True, "push": repo not in self.world.read_only}
        found = shapes.repository(self.base, self._repo(repo)) | {"permissions": rights}
        return 200, found, {}

    def branch(self, asked: Asked, repo: str, name: str) -> Result:
        home = self._repo(repo)
        if name not in home.branches:
            raise Refused(404, "Branch not found")
        sha = home.branches[name]
        return 200, {"name": name, "commit": {"sha": sha}, "protected": name in home.protected}, {}

    def tag(self, asked: Asked, repo: str, name: str) -> Result:
        sha = self._repo(repo).tags.get(name)
        if sha is None:
            raise Refused(404, "Not Found")
        return 200, {"ref": f"refs/tags/{name}", "object": {"type": "commit", "sha": sha}}, {}

    def contents(self, asked: Asked, repo: str, path: str) -> Result:
        home = self._repo(repo)
        ref = asked.query.get("ref", "main")
        raw = home.at(home.branches.get(ref, ref)).get(path)
        if raw is None:
            raise Refused(404, "Not Found")
        return 200, shapes.file(path, raw), {}

    def run(self, asked: Asked, repo: str, run: str) -> Result:
        return 200, shapes.workflow_run(self.base, self._run(repo, run)), {}

    def jobs(self, asked: Asked, repo: str, run: str) -> Result:
        return self.attempt_jobs(asked, repo, run, str(self._run(repo, run).attempt))

    def attempt_jobs(self, asked: Asked, repo: str, run: str, number: str) -> Result:
        found = self._run(repo, run)
        if not 1 <= int(number) <= found.attempt:
            raise Refused(404, "Not Found")
        listed = found.attempts[int(number) - 1]
        return self._paged(asked, [shapes.job(self.base, found, job) for job in listed], "jobs")

    def _start(self, asked: Asked, run: Run, names: set[str] | None) -> Result:
        if run.conclusion is None:
            raise Refused(403, "This workflow is already running")
        if run.attempt >= 50:
            raise Refused(403, "This workflow run cannot be retried")
        if self.world.today - datetime.fromisoformat(run.created_at) > timedelta(days=30):
            told = "Unable to retry this workflow run because it was created over a month ago"
            raise Refused(403, told)
        self.world.rerun(run, names, asked.login)
        return 201, {}, {}

    def rerun(self, asked: Asked, repo: str, run: str) -> Result:
        return self._start(asked, self._run(repo, run), None)

    def rerun_failed(self, asked: Asked, repo: str, run: str) -> Result:
        found = self._run(repo, run)
        failed = {job.name for job in found.jobs if job.conclusion in ("failure", "timed_out")}
        if found.conclusion and not failed:
            raise Refused(403, "The workflow run has no failed jobs, it cannot be retried")
        return self._start(asked, found, failed)

    def rerun_job(self, asked: Asked, repo: str, number: str) -> Result:
        run, job = self._job(repo, number)
        return self._start(asked, run, {job.name})

    def _job(self, repo: str, number: str) -> Any:
        found = self.world.find_job(self._repo(repo), int(number))
        if found is None:
            raise Refused(404, "Not Found")
        return found

    def job(self, asked: Asked, repo: str, number: str) -> Result:
        return 200, shapes.job(self.base, *self._job(repo, number)), {}

    def log(self, asked: Asked, repo: str, number: str) -> Result:
        _, job = self._job(repo, number)
        if job.log is None:
            raise Refused(410, "Server Error: the logs for this run have expired")
        return 302, None, {"location": self._link(job.id)}

    def check(self, asked: Asked, repo: str, number: str) -> Result:
        return 200, shapes.check_run(self.base, *self._job(repo, number)), {}

    def annotations(self, asked: Asked, repo: str, number: str) -> Result:
        return self._paged(asked, self._job(repo, number)[1].annotations)

    def commit(self, asked: Asked, repo: str, sha: str) -> Result:
        url = f"{self.base}/repos/{repo}/commits/{sha}"
        return 200, {"sha": sha, "url": url}, {}

    def commit_pulls(self, asked: Asked, repo: str, sha: str) -> Result:
        """As GitHub does, commits that live in a fork only are not found here."""
        home = self._repo(repo)
        found = [p for p in home.pulls.values() if sha in p.commits and p.head_repo == repo]
        return self._paged(asked, [shapes.pull(self.base, home, pull) for pull in found])

    def pulls(self, asked: Asked, repo: str) -> Result:
        home, state = self._repo(repo), asked.query.get("state", "open")
        found = [p for p in home.pulls.values() if state in ("all", p.state)]
        found = [p for p in found if p.base == asked.query.get("base", p.base)][::-1]
        return self._paged(asked, [shapes.pull(self.base, home, pull) for pull in found])

    def _pull(self, repo: str, number: str) -> Pull:
        if int(number) not in self._repo(repo).pulls:
            raise Refused(404, "Not Found")
        return self._repo(repo).pulls[int(number)]

    def pull(self, asked: Asked, repo: str, number: str) -> Result:
        found = self._pull(repo, number)
        return 200, shapes.pull(self.base, self._repo(repo), found), {}

    def issue(self, asked: Asked, repo: str, number: str) -> Result:
        shape = shapes.pull(self.base, self._repo(repo), self._pull(repo, number))
        return 200, {**shape, "url": shape["url"].replace("/pulls/", "/issues/")}, {}

    def comments(self, asked: Asked, repo: str, number: str) -> Result:
        self._pull(repo, number)
        home = self._repo(repo)
        listed = [c for c in home.comments.values() if c.number == int(number)]
        return self._paged(asked, [shapes.comment(self.base, home, item) for item in listed])

    def _body(self, asked: Asked) -> str:
        body = asked.body.get("body")
        if not isinstance(body, str) or not body:
            raise Refused(422, "Validation Failed")
        if len(body) > 65_536:
            raise Refused(422, "Body is too long (maximum is 65536 characters)")
        return body

    def add_comment(self, asked: Asked, repo: str, number: str) -> Result:
        self._pull(repo, number)
        made = Comment(self.world.next_id(), int(number), asked.login, self._body(asked))
        self._repo(repo).comments[made.id] = made
        return 201, shapes.comment(self.base, self._repo(repo), made), {}

    def _comment(self, repo: str, number: str) -> Comment:
        if int(number) not in self._repo(repo).comments:
            raise Refused(404, "Not Found")
        return self._repo(repo).comments[int(number)]

    def comment(self, asked: Asked, repo: str, number: str) -> Result:
        return 200, shapes.comment(self.base, self._repo(repo), self._comment(repo, number)), {}

    def edit_comment(self, asked: Asked, repo: str, number: str) -> Result:
        found = self._comment(repo, number)
        if found.user != asked.login:
            raise Refused(403, "Must have admin rights to Repository.")
        found.body = self._body(asked)
        return 200, shapes.comment(self.base, self._repo(repo), found), {}

    def react(self, asked: Asked, repo: str, number: str) -> Result:
        found, content = self._comment(repo, number), asked.body.get("content")
        if content not in SIGNS:
            raise Refused(422, "Validation Failed")
        mine = (asked.login, str(content))
        status = 200 if mine in found.reactions else 201
        if status == 201:
            found.reactions.append(mine)
        return status, {"id": 1, "user": shapes.user(asked.login), "content": content}, {}

    def permission(self, asked: Asked, repo: str, login: str) -> Result:
        role = self._repo(repo).people.get(unquote(login), "read")
        if role == "unknown":
            raise Refused(404, f"{login} is not a user")
        coarse = {"maintain": "write", "triage": "read"}.get(role, role)
        user = shapes.user(unquote(login))
        return 200, {"permission": coarse, "role_name": role, "user": user}, {}
