"""A real Buildbot master and worker on loopback, made in a directory of their own."""

import json
import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx

from pipeline_guard.cli.demo_buildbot.processes import (
    DemoFailed,
    Processes,
    free_ports,
    plain_environment,
)

FILES: Final = Path(__file__).parent / "files"
#: Environment variable that names an environment with Buildbot, when it is not beside the checkout.
ENVIRONMENT: Final = "PIPELINE_GUARD_DEMO_BUILDBOT"


def find_environment() -> Path:
    """The `bin` directory of an environment with Buildbot; raises DemoFailed when there is none."""
    named = os.environ.get(ENVIRONMENT)
    candidates = [Path(named)] if named else []
    candidates += [
        Path.cwd() / ".venv-buildbot",
        Path(__file__).resolve().parents[4] / ".venv-buildbot",  # beside src/ in a checkout
        Path(sys.prefix),
    ]
    for place in candidates:
        if (place / "bin/buildbot").exists() and (place / "bin/buildbot-worker").exists():
            return place / "bin"
    raise DemoFailed(
        "The demo needs Buildbot in an environment of its own and found none."
        f" Run `make demo` in a checkout, or set {ENVIRONMENT} to an environment"
        " where buildbot[bundle] and buildbot-worker are installed."
    )


class Buildbot:
    """One master and one worker. `config` is a master.cfg that reads `lab.json` beside it."""

    def __init__(
        self, processes: Processes, root: Path, config: Path, facts: Mapping[str, Any]
    ) -> None:
        self._processes = processes
        self._bin = find_environment()
        self._master = root / "master"
        self._worker = root / "worker"
        self._config = config
        self._web, self._wire = free_ports(2)
        self.url = f"http://127.0.0.1:{self._web}"
        self._facts = dict(facts)
        self._worker_password = secrets.token_urlsafe(24)
        # One client for all polling: each new one costs more time than the question.
        self._http = httpx.Client(base_url=self.url, timeout=10, trust_env=False)

    def create(self) -> None:
        """Make the master's database and both configurations."""
        parent = self._master.parent
        parent.mkdir(parents=True, exist_ok=True)
        master = ("buildbot", "create-master", "-r", str(self._master))
        # The worker is up before the master listens, so it should knock again soon.
        worker = ("buildbot-worker", "create-worker", "--umask=0o22", "--maxdelay=1")
        address = (str(self._worker), f"127.0.0.1:{self._wire}", "worker", self._worker_password)
        commands = {"create-master": master, "create-worker": worker + address}
        self._processes.run(
            {
                name: [str(self._bin / program), *rest]
                for name, (program, *rest) in commands.items()
            },
            cwd=parent,
        )
        shutil.copy(self._config, self._master / "master.cfg")
        facts = self._facts | {
            "url": self.url + "/",
            "web": f"tcp:{self._web}:interface=127.0.0.1",
            "wire": f"tcp:{self._wire}:interface=127.0.0.1",
            "worker_password": self._worker_password,
        }
        settings = self._master / "lab.json"
        settings.touch(mode=0o600)
        settings.write_text(json.dumps(facts))

    def start(self) -> None:
        """Start both and wait until the master knows its worker."""
        environment = plain_environment()
        for name, place in (("buildbot", self._master), ("buildbot-worker", self._worker)):
            self._processes.start(
                name,
                [str(self._bin / name), "start", "--nodaemon", str(place)],
                cwd=place,
                env=environment,
            )
        self._processes.wait_until("Buildbot's worker answering", self._connected, 60)

    def _connected(self) -> bool:
        try:
            workers = self.get("workers", "workers")
        except httpx.HTTPError:
            return False
        return any(worker["connected_to"] for worker in workers)

    def get(self, path: str, plural: str, **params: str | int) -> list[dict[str, Any]]:
        """Resources of the master's API, read as anybody may."""
        answer = self._http.get(f"/api/v2/{path}", params=params)
        answer.raise_for_status()
        rows: list[dict[str, Any]] = answer.json()[plural]
        return rows

    def builds(self, builder: str) -> list[dict[str, Any]]:
        """Every build of a builder, oldest first."""
        return self.get(f"builders/{builder}/builds", "builds", order="number")

    def push(self, *, revision: str, branch: str, repository: str, project: str) -> None:
        """Tell the master about a pushed commit, as a repository's hook does."""
        change = {
            "author": "Dev <dev@example.org>",
            "comments": "Add discounts",
            "revision": revision,
            "branch": branch,
            "repository": repository,
            "project": project,
        }
        answer = self._http.post("/change_hook/base", data=change)
        answer.raise_for_status()
