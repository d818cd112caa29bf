"""Runs the fake GitHub and its log store on two loopback origins, and scripts them from tests."""

import asyncio
import gzip
import hashlib
import json
import re
import socket
import threading
import time
from typing import Any

import jwt
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from tests.fakes.github import hooks
from tests.fakes.github.api import Api, Asked
from tests.fakes.github.world import Call, Comment, Fault, Job, Pull, Repo, Run, World

METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
SHA = "1" * 40


def _listen(host: str, port: int = 0) -> socket.socket:
    # With the protocol named, asyncio switches Nagle's delay off: 40 ms less a call.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind((host, port))
    listening.listen()
    return listening


class FakeGitHub:
    """A GitHub whose API lives below `url`; `token` is the bot's, `secret` signs webhooks."""

    def __init__(
        self, *, prefix: str = "", login: str = "guard-bot", pem: str | None = None,
        host: str = "127.0.0.1", port: int = 0,
    ) -> None:  # fmt: skip
        self.login, self.token, self.secret = login, "ghp_guard", "webhook-secret"
        self._prefix = prefix
        self._sockets = [_listen(host, port), _listen(host)]
        scheme = "https" if pem else "http"
        origins = [f"{scheme}://{host}:{sock.getsockname()[1]}" for sock in self._sockets]
        self.url, self.storage_url = origins[0] + prefix, origins[1]
        self.reset()
        app = Starlette(routes=[Route("/{rest:path}", self._route, methods=METHODS)])
        config = uvicorn.Config(
            app, log_level="critical", lifespan="off", loop="asyncio", ssl_certfile=pem
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": self._sockets}, daemon=True
        )

    def reset(self) -> None:
        """Forget everything but the addresses."""
        self.world = World()
        self.api = Api(self.world, self._link)
        self.api.base = self.url
        self.links: dict[str, int] = {}
        self.expire_next_links = 0
        self.cut_logs = self.serve_logs_directly = False
        self.store_gzip = False
        self.latency = 0.0
        self.busy = 0
        self._held: tuple[str, str] | None = None
        self.app_key: Any = None
        self.add_token(self.token, self.login)

    def __enter__(self) -> "FakeGitHub":
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(timeout=5)
        for sock in self._sockets:
            sock.close()

    # What tests put in

    def add_token(self, token: str, login: str, **rights: str) -> None:
        """A token; `rights` limits it by area: add_token("t", "me", actions="read")."""
        self.world.tokens[token] = {"login": login, "app": False, "rights": rights, "repos": None}

    def add_app(self, repository: str, public_key: Any) -> None:
        """An App that is installed on a repository and signs with the key's other half."""
        self.app_key = public_key
        self.world.installations[repository] = self.world.next_id()

    def add_repo(self, name: str = "acme/shop", **branches: str) -> Repo:
        """A repository with a main branch."""
        repo = self.world.repos.setdefault(name, Repo(self.world.next_id(), name))
        repo.branches.update(branches)
        return repo

    def add_run(
        self, repo: str = "acme/shop", *, jobs: dict[str, str] | None = None, sha: str = SHA,
        branch: str = "feature", event: str = "push", actor: str = "dev", workflow: str = "CI",
        log: str | bytes = "", head_repo: str | None = None, conclusion: str | None = "failure",
        pulls: tuple[int, ...] = (),
    ) -> Run:  # fmt: skip
        """A finished first attempt; `jobs` maps names to conclusions, failed ones get `log`."""
        home, raw = self.add_repo(repo), log.encode() if isinstance(log, str) else log
        if (head_repo or repo) == repo:
            home.branches.setdefault(branch, sha)
        run = Run(self.world.next_id(), home, branch, sha, event, actor, workflow,
                  head_repo or repo, conclusion=conclusion, pulls=list(pulls))  # fmt: skip
        made = []
        for name, result in (jobs or {"tests": "failure"}).items():
            step = {"name": f"Run {name}", "number": 3, "status": "completed", "conclusion": result}
            job = Job(self.world.next_id(), name, 1, result, steps=[step])
            job.log = raw if result in ("failure", "timed_out") else b"fine\n"
            made.append(job)
        run.attempts.append(made)
        home.runs[run.id] = run
        return run

    def finish_run(self, run: Run, conclusion: str = "success", log: str | bytes = b"") -> None:
        """The running jobs of the newest attempt end, and the run with them."""
        for job in run.jobs:
            if job.conclusion is None:
                job.conclusion = conclusion
                job.log = log.encode() if isinstance(log, str) else log
        run.conclusion = conclusion

    def add_pull(
        self, repo: str = "acme/shop", *, branch: str = "feature", sha: str = SHA,
        head_repo: str | None = None, state: str = "open", commits: tuple[str, ...] = (),
    ) -> Pull:  # fmt: skip
        """A pull request; `head_repo` names the fork it comes from."""
        number = self.world.next_id()
        pull = Pull(number, branch, sha, head_repo or repo, state, [sha, *commits])
        self.add_repo(repo).pulls[number] = pull
        return pull

    def add_comment(self, pull: Pull, user: str, body: str, repo: str = "acme/shop") -> Comment:
        """A comment somebody wrote."""
        made = Comment(self.world.next_id(), pull.number, user, body)
        self.world.repos[repo].comments[made.id] = made
        return made

    def fail(self, method: str, path: str, status: int, **more: Any) -> None:
        """Answer the next call whose path matches the pattern with a status; see world.Fault."""
        self.world.faults.append(Fault(method, path, status, **more))

    def allow(self, calls: int, *, seconds: int) -> None:
        """So many calls are left of the window, which ends in so many seconds."""
        self.world.remaining, self.world.resets_at = calls, int(time.time()) + seconds

    def hold_answer(self, method: str, path: str) -> None:
        """Do the work of such calls, but never answer them."""
        self._held = (method, path)

    def limit(self, method: str, path: str, *, after: int, status: int = 403) -> None:
        """Refuse the next such call for a secondary limit of `after` seconds."""
        said = {"message": "You have exceeded a secondary rate limit."}
        self.fail(method, path, status, headers={"retry-after": str(after)}, body=said)

    # What tests read

    def calls(self, method: str = "", path: str = "") -> list[Call]:
        """The calls so far, by method and a pattern of the path."""
        return [
            call for call in self.world.calls
            if method in ("", call.method) and re.search(path, call.path)
        ]  # fmt: skip

    def webhook(
        self, event: str, run: Run, *, action: str = "completed", job: Job | None = None,
        secret: str | None = None, delivery: str | None = None,
    ) -> tuple[dict[str, str], bytes]:  # fmt: skip
        """Headers and body of a signed delivery about a run."""
        body = hooks.payload(self.url, event, run, action, job)
        return hooks.signed(event, body, secret or self.secret, delivery)

    def comment_hook(
        self, pull: Pull, comment: Comment, *, action: str = "created", repo: str = "acme/shop",
        delivery: str | None = None,
    ) -> tuple[dict[str, str], bytes]:  # fmt: skip
        """Headers and body of a signed delivery about a comment."""
        home = self.world.repos[repo]
        body = hooks.comment_payload(self.url, home, pull, comment, action)
        return hooks.signed("issue_comment", body, self.secret, delivery)

    # How it answers

    def _link(self, job_id: int) -> str:
        signature = f"s{self.world.next_id()}"
        if self.expire_next_links:
            self.expire_next_links -= 1
        else:
            self.links[signature] = job_id
        origin = self.url if self.serve_logs_directly else self.storage_url
        return f"{origin}/store/{job_id}.txt?sig={signature}"

    async def _route(self, request: Request) -> Response:
        server = request.scope["server"]
        is_api = server is not None and server[1] == self._sockets[0].getsockname()[1]
        raw = await request.body()
        body = json.loads(raw) if raw else None
        path = request.url.path.removeprefix(self._prefix)
        query = dict(request.query_params)
        stored = not is_api or path.startswith("/store/")
        self.busy += 1
        if self.latency:
            await asyncio.sleep(self.latency)
        response = self._stored(request) if stored else self._api(request, path, query, body)
        self.world.calls.append(
            Call("api" if is_api else "storage", request.method, path, query,
                 request.headers.get("authorization"), body, response.status_code)
        )  # fmt: skip
        if self._held and request.method == self._held[0] and re.search(self._held[1], path):
            await asyncio.sleep(3600)  # the client is gone before that
        self.busy -= 1
        return response

    def _api(self, request: Request, path: str, query: dict[str, str], body: Any) -> Response:
        fault = self._spent() or self._fault(request.method, path)
        if fault is None or fault.after:
            asked = Asked(self.url + path, self._token(request), query, body)
            status, data, headers = self.api.answer(request.method, path, asked)
        if fault is not None:
            status, data, headers = fault.status, fault.body, fault.headers
        limits = {
            "x-ratelimit-limit": "5000",
            "x-ratelimit-remaining": str(self.world.remaining),
            "x-ratelimit-reset": str(self.world.resets_at),
            **headers,
        }
        content = "" if data is None else json.dumps(data)
        if request.method == "GET" and status == 200:
            # GitHub's holds for one token only: another one's, though App and answer be the same,
            # gets all of it again.
            seen = f"{request.headers.get('authorization')} {content}"
            limits["etag"] = f'W/"{hashlib.sha256(seen.encode()).hexdigest()}"'
            if request.headers.get("if-none-match") == limits["etag"]:
                self.world.remaining += 1  # what is not modified costs no call
                limits["x-ratelimit-remaining"] = str(self.world.remaining)
                limits.pop("link", None)
                return Response(None, 304, limits)
        return Response(content, status, limits, media_type="application/json")

    def _spent(self) -> Fault | None:
        """Count the call; beyond the window's last one everything is refused until its end."""
        if self.world.resets_at <= time.time():
            self.world.remaining, self.world.resets_at = 5000, int(time.time()) + 3600
        if self.world.remaining <= 0:
            return Fault("", "", 403, body={"message": "API rate limit exceeded for user ID 1."})
        self.world.remaining -= 1
        return None

    def _fault(self, method: str, path: str) -> Fault | None:
        for fault in self.world.faults:
            if fault.times and fault.method == method and re.search(fault.path, path):
                fault.times -= 1
                return fault
        return None

    def _token(self, request: Request) -> str | None:
        """The token sent; an App's signed one is checked and stands for the App itself."""
        token = (request.headers.get("authorization") or " ").split(" ", 1)[1]
        key = self.app_key or self.api.manifests.key
        if token.count(".") == 2 and key is not None:
            jwt.decode(token, key, ["RS256"], options={"verify_iat": False})
            self.world.tokens["app"] = {"login": "guard", "app": True, "rights": {}, "repos": None}
            return "app"
        return token

    def _stored(self, request: Request) -> Response:
        if "authorization" in request.headers:
            return Response("InvalidAuthenticationInfo", 400)
        job_id = self.links.get(request.query_params.get("sig", ""))
        if job_id is None:
            return Response("AuthenticationFailed: the signature is too old", 403)
        jobs = (self.world.find_job(repo, job_id) for repo in self.world.repos.values())
        log = next(found[1].log for found in jobs if found) or b""
        if self.store_gzip:
            log = gzip.compress(log)
        headers = {"content-length": str(len(log) + 1000)} if self.cut_logs else {}
        if self.cut_logs:
            return StreamingResponse(iter([log]), 200, headers, media_type="text/plain")
        return Response(log, 200, headers, media_type="text/plain")
