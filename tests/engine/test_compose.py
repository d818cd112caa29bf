"""The commands of docs/deploying.md on a real container engine: what they start does its work."""

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.docs.blocks import ROOT, blocks

PAGE = ROOT / "docs/deploying.md"
HERE = Path(__file__).parent
WEB = "http://127.0.0.1:8000"
TIMEOUT = 240
"""Seconds for one command or one wait; all of it takes about two minutes."""

pytestmark = pytest.mark.engine


def run(script: str, folder: Path, **more: str) -> str:
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=folder, env=os.environ | more, check=False, capture_output=True, text=True,
        timeout=TIMEOUT,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def until(found: Callable[[], Any], what: str) -> Any:
    """What is found once there is something; a service needs its time."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if (seen := found()) is not None:
                return seen
        time.sleep(0.5)
    pytest.fail(f"in vain waited for: {what}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clone beside which a reader of the page works."""
    if "ENGINE_STARTED" not in os.environ:
        pytest.skip("run by `make engine`, which starts an engine of its own (needs root, Debian)")
    made = tmp_path_factory.mktemp("clone")
    names = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    for name in filter(None, names.split("\0")):
        if (ROOT / name).exists():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, made / name)
    shutil.copy(HERE / "compose.override.yaml", made)
    made.chmod(0o755)
    yield made
    if (made / ".env").exists():
        run("docker compose down --volumes --timeout 10", made)


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """The page's blocks: the secrets, the start, the image alone, without an engine."""
    found = [block.text for block in blocks(PAGE)]
    assert ["docker" in text for text in found] == [False, True, True, False]
    return found


class Service:
    """What the page started, asked as its users ask."""

    def __init__(self, folder: Path) -> None:
        lines = (folder / ".env").read_text().splitlines()
        self._env = dict(line.split("=", 1) for line in lines)
        self._folder = folder

    def compose(self, words: str) -> str:
        clears_line = "\x1b[2K"  # compose's `logs` does, also where no terminal is
        return run(f"docker compose {words}", self._folder).replace(clears_line, "")

    def get(self, path: str) -> Any:
        token = {"authorization": f"Bearer {self._env['PIPELINE_GUARD_API_TOKEN']}"}
        return httpx.get(WEB + path, headers=token, timeout=10).json()

    def deliver(self) -> httpx.Response:
        told = json.loads(self.compose("logs --no-log-prefix github"))
        where = f"{WEB}/webhooks/github"
        return httpx.post(where, headers=told["headers"], content=told["body"], timeout=10)

    def failure(self, status: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            items = self.get("/api/v1/failures")["items"]
            return items[0] if items and items[0]["status"] == status else None

        return until(found, f"a failure that is {status}")

    def scraped(self, query: str) -> list[str]:
        words = f"exec -T prometheus wget -qO- 'http://127.0.0.1:9090/api/v1/query?query={query}'"
        result = json.loads(self.compose(words))["data"]["result"]
        return sorted(item["metric"]["instance"] for item in result)


@pytest.fixture(scope="module")
def service(folder: Path, texts: list[str]) -> Service:
    run("\n".join(texts[:2]), folder)
    return Service(folder)


def test_the_page_starts_all_and_each_says_that_it_is_well(service):
    rows = service.compose("ps --all --format json").splitlines()
    states = {row["Service"]: (row["State"], row["Health"]) for row in map(json.loads, rows)}
    assert states.pop("migrate") == ("exited", "")
    assert set(states) == {"web", "worker", "postgres", "redis", "prometheus", "github"}
    assert set(states.values()) == {("running", "healthy")}


def test_a_webhook_is_worked_off_by_the_worker_and_shares_what_it_read(service):
    answer = service.deliver()
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
    failure = service.failure("healing")
    assert failure["category"] == "network_transient"
    told = service.compose("logs --no-log-prefix web worker")
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    (received,) = [line for line in lines if line["event"] == "delivery_received"]
    assert received["request_id"] == answer.headers["x-request-id"]
    assert {"diagnosed", "acted"} <= {line["event"] for line in lines}
    assert int(service.compose("exec -T redis redis-cli dbsize")) > 0


def test_prometheus_has_both_kinds_of_processes_and_the_alerts(service):
    for query, instances in (
        ("up==1", ["web:8000", "worker:9100"]),
        ("pipeline_guard_webhooks_total", ["web:8000"]),
        ("pipeline_guard_diagnoses_total", ["worker:9100"]),
    ):
        until(lambda: service.scraped(query) == instances or None, query)  # noqa: B023
    rules = "exec -T prometheus wget -qO- http://127.0.0.1:9090/api/v1/rules"
    assert json.loads(service.compose(rules))["data"]["groups"]


def test_what_is_known_outlives_the_containers_and_a_second_start(service, texts, folder):
    service.compose("down --timeout 20")
    run(texts[1], folder)
    assert service.get("/api/v1/failures")["items"][0]["status"] == "healing"


def test_nothing_of_ours_has_rights_or_writes_to_its_root(service):
    for name in ("web", "worker"):
        status = service.compose(f"exec -T {name} cat /proc/1/status")
        assert "CapBnd:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        assert service.compose(f"exec -T {name} id -u").strip() == "10001"
        service.compose(f"exec -T {name} sh -c '! touch /opt/pipeline-guard/x 2>/dev/null'")


def test_the_image_alone_is_built_and_runs_as_the_page_says(service, texts, folder):
    service.compose("stop --timeout 20")
    with subprocess.Popen(["bash", "-euo", "pipefail", "-c", texts[2]], cwd=folder) as running:
        until(lambda: httpx.get(f"{WEB}/readyz", timeout=5).is_success or None, "the image alone")
        (container,) = run("docker ps -q --filter ancestor=pipeline-guard", folder).split()
        run(f"docker stop --time 30 {container}", folder)
        assert running.wait(30) == 0  # it ended by itself when it was asked to
