"""The fake GitHub holds up against GitHub's own command line, a client that knows nothing of it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.fakes.certificate import certificate
from tests.fakes.github import FakeGitHub

GH = shutil.which("gh")
pytestmark = pytest.mark.skipif(GH is None, reason="gh is not installed (apt-get install gh)")
Gh = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls") / "server.pem")


@pytest.fixture(scope="module")
def running(pem: Path) -> Iterator[FakeGitHub]:
    with FakeGitHub(prefix="/api/v3", pem=str(pem)) as fake:
        yield fake


@pytest.fixture
def fake(running: FakeGitHub) -> FakeGitHub:
    running.reset()
    return running


@pytest.fixture
def gh(fake: FakeGitHub, pem: Path, tmp_path: Path) -> Gh:
    """gh takes any host but github.com for an Enterprise Server, and that for TLS."""
    host = fake.url.split("/")[2]

    def run(*arguments: str, token: str = fake.token) -> subprocess.CompletedProcess[str]:
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "GH_CONFIG_DIR": str(tmp_path),
            "GH_HOST": host,
            "GH_ENTERPRISE_TOKEN": token,
            "GH_NO_UPDATE_NOTIFIER": "1",
            "GH_PROMPT_DISABLED": "1",
            "SSL_CERT_FILE": str(pem),
        }
        call = [str(GH), *arguments]
        if arguments[0] == "run":
            call += ["-R", f"{host}/acme/shop"]
        return subprocess.run(
            call, env=env, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def test_it_tells_who_asks_and_refuses_strangers(fake: FakeGitHub, gh: Gh) -> None:
    assert json.loads(gh("api", "user").stdout)["login"] == "guard-bot"
    stranger = gh("api", "user", token="wrong")
    assert stranger.returncode != 0
    assert "HTTP 401" in stranger.stderr


def test_a_run_is_listed_shown_and_re_run_once(fake: FakeGitHub, gh: Gh) -> None:
    made = fake.add_run(jobs={"lint": "success", "tests": "failure"})
    assert gh("run", "list").stdout.split("\t")[:2] == ["completed", "failure"]
    told = json.loads(gh("run", "view", str(made.id), "--json", "conclusion,jobs").stdout)
    assert told["conclusion"] == "failure"
    assert [job["conclusion"] for job in told["jobs"]] == ["success", "failure"]
    assert "X tests" in gh("run", "view", str(made.id)).stdout
    assert gh("run", "rerun", str(made.id), "--failed").returncode == 0
    assert made.attempt == 2
    assert gh("run", "rerun", str(made.id), "--failed").returncode != 0, "it is running"
    assert made.attempt == 2


def test_a_running_run_is_cancelled(fake: FakeGitHub, gh: Gh) -> None:
    made = fake.add_run(conclusion=None, jobs={"tests": "failure"})
    assert gh("run", "cancel", str(made.id)).returncode == 0
    assert len(fake.calls("POST", "/cancel$")) == 1


def test_pages_are_followed_and_comments_are_kept(fake: FakeGitHub, gh: Gh) -> None:
    pull = fake.add_pull()
    for number in range(7):
        fake.add_comment(pull, "dev", f"remark {number}")
    path = f"repos/acme/shop/issues/{pull.number}/comments"
    assert gh("api", path, "-f", "body=ours").returncode == 0
    listed = gh("api", f"{path}?per_page=3", "--paginate", "--jq", ".[].body").stdout.split("\n")
    assert listed[:-1] == [*(f"remark {number}" for number in range(7)), "ours"]


def test_a_token_may_do_what_it_was_made_for(fake: FakeGitHub, gh: Gh) -> None:
    made = fake.add_run()
    fake.add_token("reader", "reader", actions="read")
    assert gh("run", "list", token="reader").returncode == 0
    refused = gh("run", "rerun", str(made.id), "--failed", token="reader")
    assert refused.returncode != 0
    assert made.attempt == 1
