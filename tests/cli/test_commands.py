"""The command line as a person meets it, in processes of its own."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    folder = tempfile.mkdtemp(prefix="pg-")
    yield {"PATH": os.environ["PATH"], "PIPELINE_GUARD_DATA_DIR": f"{folder}/data"}
    shutil.rmtree(folder)


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    def call(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pipeline_guard", *arguments],
            env=environment | more, cwd=tmp_path, capture_output=True, text=True, check=False,
            timeout=60,
        )  # fmt: skip

    return call


def test_wrong_settings_are_named_each_with_what_is_wrong(run):
    found = run("db", "upgrade", PIPELINE_GUARD_MODE="boost", PIPELINE_GUARD_GITLAB_URL="x")
    assert found.returncode == 1
    assert "PIPELINE_GUARD_MODE" in found.stderr
    assert "PIPELINE_GUARD_GITLAB_URL" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_database_that_is_none_or_away_is_told_in_a_sentence(run):
    for url in ("mysql://x", "postgresql://127.0.0.1:1/x"):
        found = run("db", "upgrade", PIPELINE_GUARD_DATABASE_URL=url)
        assert found.returncode == 1
        assert found.stderr.startswith("pipeline-guard: ")
        assert "Traceback" not in found.stderr


def test_listening_to_the_world_without_a_token_is_refused(run):
    found = run("serve", "--host", "0.0.0.0")
    assert found.returncode == 1
    assert "PIPELINE_GUARD_API_TOKEN" in found.stderr


def test_a_port_in_use_and_a_folder_that_cannot_be_are_said_in_a_sentence(run, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = run("serve", "--port", str(port))
    assert found.returncode == 1
    assert f"Could not listen on 127.0.0.1:{port}; is the port in use?" in found.stderr
    (tmp_path / "file").touch()
    found = run("serve", "--port", "0", PIPELINE_GUARD_DATA_DIR=str(tmp_path / "file" / "data"))
    assert found.returncode == 1
    assert found.stderr.startswith("pipeline-guard: PIPELINE_GUARD_DATA_DIR: ")
    assert "Traceback" not in found.stderr


def test_a_secret_that_is_wrong_is_not_printed(run):
    found = run("doctor", PIPELINE_GUARD_REDIS_URL="user:hunter2@redis:6379")
    assert found.returncode == 1
    assert "PIPELINE_GUARD_REDIS_URL: must start with redis://" in found.stderr
    assert "hunter2" not in found.stderr


def test_doctor_tells_what_is_off_and_why(run):
    found = run("doctor", "--json")
    checks = {item["name"]: item for item in json.loads(found.stdout)}
    assert checks["database"]["state"] == "ok"
    assert checks["github"]["state"] == "off"
    assert "PIPELINE_GUARD_GITHUB_WEBHOOK_SECRET" in checks["github"]["text"]
    assert found.returncode == 0


def test_lists_are_empty_at_first_and_what_is_not_there_is_said(run):
    assert json.loads(run("failures", "list", "--json").stdout) == []
    assert json.loads(run("deliveries", "list", "--json").stdout) == []
    for group in ("failures", "deliveries"):
        found = run(group, "show", "7")
        assert (found.returncode, found.stdout) == (1, "")
        assert "list" in found.stderr


def test_serve_says_where_it_is_answers_and_leaves_nothing_running(environment, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline_guard", "serve", "--port", "0"],
        env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    address = re.search(r"http://\S+", process.stdout.readline())
    assert address is not None
    assert httpx.get(f"{address[0]}/readyz").status_code == 200
    data = Path(environment["PIPELINE_GUARD_DATA_DIR"])
    pid = int((data / "postgres" / "postmaster.pid").read_text().split()[0])
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert process.stdout.read() == ""
    process.stdout.close()
    assert not (data / "postgres" / "postmaster.pid").exists()
    stat = Path(f"/proc/{pid}/stat")
    assert not stat.exists() or stat.read_text().split()[2] == "Z"
    assert list(tmp_path.iterdir()) == []
