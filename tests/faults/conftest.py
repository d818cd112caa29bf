"""Real processes of the product, to be killed, over one database and one fake GitHub."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.fakes.github.server import FakeGitHub

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(github: FakeGitHub, database_url: str, tmp_path: Path) -> Iterator[Start]:
    """Starts `pipeline-guard ARGUMENTS` and returns it when it says that it is ready."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, **settings: str) -> subprocess.Popen[str]:
        env = {
            "PATH": os.environ["PATH"],
            "PIPELINE_GUARD_DATABASE_URL": database_url,
            "PIPELINE_GUARD_DATA_DIR": str(tmp_path / "data"),
            "PIPELINE_GUARD_MODE": "act",
            "PIPELINE_GUARD_GITHUB_API_URL": github.url,
            "PIPELINE_GUARD_GITHUB_TOKEN": github.token,
            "PIPELINE_GUARD_GITHUB_WEBHOOK_SECRET": github.secret,
            **settings,
        }
        command = [sys.executable, "-m", "pipeline_guard", *arguments]
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "ready" in line, line
        process.address = line.split()[-1]
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
        if process.stdout is not None:
            process.stdout.close()
