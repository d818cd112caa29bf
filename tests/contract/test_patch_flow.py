"""A patch from the printed diff to the pull request, on an emulator of GitHub that keeps state.

The emulator runs no jobs, so the run is told here; files, branches, pull requests, comments and
signed webhooks are its own.
"""

import base64
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.contract.conftest import serving

from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.runs import ChangeRequest, Job, Run
from pipeline_guard.domain.tracker import Annotation, CheckDraft
from pipeline_guard.errors import BadSignature, Conflict
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.changes import GitHubChanges
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.credentials import TokenCredentials
from pipeline_guard.platforms.github.webhook import GitHubWebhooks
from pipeline_guard.policy.schema import Policy
from pipeline_guard.remedies import REMEDIES
from pipeline_guard.remedies.base import Request
from pipeline_guard.stages.decide.case import Case
from pipeline_guard.stages.decide.decide import decide
from pipeline_guard.stages.decide.facts import Facts
from pipeline_guard.stages.gather.prepare import prepare

pytestmark = pytest.mark.contract
REPO, TOKEN, SECRET = "acme/shop", "token", "hook-secret"
BEFORE, AFTER = b"a = 1\nb=2\n", b"a = 1\nb = 2\n"
DIFF = "--- src/shop.py\n+++ src/shop.py\n@@ -1,2 +1,2 @@\n a = 1\n-b=2\n+b = 2\n"
JOB = Job("1", "lint", "failure")
Hooks = Queue[tuple[dict[str, str], bytes]]


@pytest.fixture(scope="module")
def emulator(packages: Path) -> Iterator[str]:
    with serving(packages, "emulator.mjs") as address:
        yield address


@pytest.fixture(scope="module")
def api(emulator: str) -> Iterator[httpx.Client]:
    """The emulator as a person uses it."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=f"{emulator}/repos/{REPO}", headers=headers) as client:
        yield client


@pytest.fixture
async def github(emulator: str) -> AsyncIterator[GitHub]:
    made = GitHub(Client(emulator, TokenCredentials(TOKEN), retry_wait=0))
    yield made
    await made.aclose()


@pytest.fixture(scope="module")
def hooks(api: httpx.Client) -> Iterator[Hooks]:
    """What the emulator sends to a webhook of the repository."""
    received: Hooks = Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.put(({key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/webhooks/github"
        config = {"url": url, "content_type": "json", "secret": SECRET}
        hook = {"name": "web", "events": ["pull_request"], "config": config}
        api.post("/hooks", json=hook).raise_for_status()
        yield received
        server.shutdown()


@pytest.fixture(scope="module")
def request_number(api: httpx.Client) -> int:
    """A pull request that adds a file in need of a formatter."""
    main = api.get("/git/ref/heads/main").json()["object"]["sha"]
    ref = {"ref": "refs/heads/feature", "sha": main}
    api.post("/git/refs", json=ref).raise_for_status()
    content = base64.b64encode(BEFORE).decode()
    file = {"message": "Add it", "content": content, "branch": "feature"}
    api.put("/contents/src/shop.py", json=file).raise_for_status()
    made = api.post("/pulls", json={"title": "A shop", "head": "feature", "base": "main"})
    return made.raise_for_status().json()["number"]


def run_of(request: ChangeRequest) -> Run:
    return Run(
        platform="github", repository=REPO, run_id="1", attempt=1, status="completed",
        conclusion="failure", workflow="CI", branch="feature", commit=request.head_sha,
        head_sha=request.head_sha, actor="dev", request=request, jobs=(JOB,),
    )  # fmt: skip


def compared(api: httpx.Client, base: str, head: str) -> list[dict[str, Any]]:
    """The files in which two branches differ."""
    return api.get(f"/compare/{base}...{quote(head, safe='')}").raise_for_status().json()["files"]


async def test_the_printed_diff_becomes_one_pull_request(
    github: GitHub,
    api: httpx.Client,
    request_number: int,
    hooks: Hooks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def changed(self: GitHubChanges, number: int) -> list[str]:
        # The emulator's own list of a pull request's files is made up; its comparison is not.
        return [item["filename"] for item in compared(api, "main", "feature")]

    monkeypatch.setattr(GitHubChanges, "changed_files", changed)
    request = await github.read_request(REPO, request_number)
    assert request is not None
    run = run_of(request)
    found = Diagnosis(
        "lint_format", 0.9, "rule", transient=False, fingerprint="0123456789abcdef", diff=DIFF
    )
    (patch,) = await prepare(github, run, [found])
    assert patch is not None
    assert patch.problem is None
    facts = Facts(run, JOB, found, github.capabilities, await github.identity(), patch=patch)
    policy = Policy.model_validate({"mode": "act", "patch": {"mode": "act"}})
    (plan,) = decide([Case(facts, policy)], datetime.now(UTC))
    (step,) = plan.live
    asked = Request(1, step.params)
    first = await REMEDIES["patch"].apply(github, run, asked)
    again = await REMEDIES["patch"].apply(github, run, asked)
    assert (first.status, again) == ("done", first)

    pulls = api.get("/pulls", params={"base": "feature", "state": "all"}).json()
    (made,) = pulls
    assert str(made["number"]) == first.external_id
    assert made["head"]["ref"] == step.once
    assert step.once.startswith("pipeline-guard/0123456789ab-")
    files = compared(api, "feature", made["head"]["ref"])
    assert [(item["filename"], item["additions"], item["deletions"]) for item in files] == [
        ("src/shop.py", 1, 1)
    ]
    there = api.get("/contents/src/shop.py", params={"ref": made["head"]["ref"]}).json()
    assert base64.b64decode(there["content"]) == AFTER
    assert api.get("/git/ref/heads/feature").json()["object"]["sha"] == request.head_sha


async def test_its_webhook_is_signed_as_we_check_it(hooks: Hooks) -> None:
    headers, body = hooks.get(timeout=10)
    GitHubWebhooks((SECRET,)).verify(headers, body)
    with pytest.raises(BadSignature):
        GitHubWebhooks(("another",)).verify(headers, body)


async def test_our_one_comment_is_written_and_edited(
    github: GitHub, api: httpx.Client, request_number: int
) -> None:
    request = ChangeRequest(request_number)
    first = await github.upsert_comment(REPO, request, "<!-- guard -->", "<!-- guard --> a", None)
    await github.upsert_comment(REPO, request, "<!-- guard -->", "<!-- guard --> b", None)
    (comment,) = api.get(f"/issues/{request_number}/comments").json()
    assert first.created
    assert comment["body"].endswith(" b")


async def test_our_one_check_run_is_made_and_edited_with_its_remarks(
    github: GitHub, api: httpx.Client
) -> None:
    head = api.get("/git/ref/heads/feature").json()["object"]["sha"]
    remarks = tuple(Annotation("src/shop.py", line, f"wrong {line}") for line in range(1, 61))
    first = await github.put_check(REPO, CheckDraft(head, "one", "why", annotations=remarks), None)
    again = await github.put_check(REPO, CheckDraft(head, "two", "why"), None)
    assert again.check_id == first.check_id
    (made,) = api.get(f"/commits/{head}/check-runs").json()["check_runs"]
    assert (made["conclusion"], made["output"]["title"]) == ("neutral", "two")
    assert made["head_sha"] == head


async def test_a_branch_of_somebody_else_is_left_alone(github: GitHub, api: httpx.Client) -> None:
    head = api.get("/git/ref/heads/feature").json()["object"]["sha"]
    changes = github.changes(REPO)
    with pytest.raises(Conflict):
        await changes.create_branch("main", head, {"src/shop.py": AFTER}, "Mend it")


async def test_protection_is_seen(github: GitHub, api: httpx.Client) -> None:
    changes = github.changes(REPO)
    assert not await changes.is_protected("main")
    rules = {"required_status_checks": None, "enforce_admins": True, "restrictions": None,
             "required_pull_request_reviews": None}  # fmt: skip
    api.put("/branches/main/protection", json=rules).raise_for_status()
    assert await changes.is_protected("main")
