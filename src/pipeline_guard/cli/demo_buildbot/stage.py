"""Sets the stage: the service, Buildbot, a repository with a bug, and a late rates server."""

import secrets
import shutil
import subprocess  # nosec B404
import sys
from pathlib import Path
from typing import Any, Final

import httpx

from pipeline_guard.cli.demo_buildbot.lab import FILES, Buildbot
from pipeline_guard.cli.demo_buildbot.processes import (
    DemoFailed,
    Processes,
    free_ports,
    plain_environment,
)

PROJECT: Final = "demo/shop"
TRANSIENT: Final = "integration"
GENUINE: Final = "unit-tests"


class Stage:
    """Everything the story needs, below one directory and on loopback only."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._root = processes.root
        self._repository = self._root / "shop"
        guard, self._rates = free_ports(2)
        self.guard = f"http://127.0.0.1:{guard}"
        self._http = httpx.Client(base_url=self.guard, timeout=10, trust_env=False)
        self._token = secrets.token_urlsafe(24)
        self._password = secrets.token_urlsafe(24)
        self.buildbot = Buildbot(
            processes,
            self._root / "buildbot",
            FILES / "master.cfg",
            {
                "repository": self._repository.as_uri(),
                "rates": f"http://127.0.0.1:{self._rates}/.git",
                "webhook": f"{self.guard}/webhooks/buildbot",
                "token": self._token,
                "user": "pipeline-guard",
                "password": self._password,
            },
        )

    def start_service(self) -> None:
        """Start `pipeline-guard serve` on its embedded database, with settings of its own."""
        home = self._root / "service"
        home.mkdir()
        settings = {
            "DATA_DIR": str(home / "data"),
            "MODE": "act",
            "BUILDBOT_URL": self.buildbot.url,
            "BUILDBOT_USER": "pipeline-guard",
            "BUILDBOT_PASSWORD": self._password,
            "BUILDBOT_WEBHOOK_TOKEN": self._token,
        }
        command = [sys.executable, "-c", "from pipeline_guard.cli import main; main()"]
        self._processes.start(
            "service",
            [*command, "serve", "--port", self.guard.rpartition(":")[2]],
            cwd=home,
            env=plain_environment()
            | {f"PIPELINE_GUARD_{name}": value for name, value in settings.items()},
        )

    def wait_for_service(self) -> None:
        """Wait until the service says it is ready."""
        self._processes.wait_until("the service being ready", self._ready, 60)

    def _ready(self) -> bool:
        try:
            return self._http.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def commit(self) -> str:
        """Make the repository with its one commit; the commit's id."""
        for source in sorted((FILES / "shop").rglob("*.txt")):
            target = self._repository / source.relative_to(FILES / "shop").with_suffix("")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        return self._committed(self._repository, "Add discounts")

    def _committed(self, folder: Path, message: str) -> str:
        """Make a git repository of what lies in the folder; its one commit's id."""
        self._git(folder, "init", "-q")
        self._git(folder, "symbolic-ref", "HEAD", "refs/heads/main")
        self._git(folder, "add", ".")
        who = ("-c", "user.name=Dev", "-c", "user.email=dev@example.org")
        self._git(folder, *who, "commit", "-q", "-m", message)
        return self._git(folder, "rev-parse", "HEAD")

    def _git(self, folder: Path, *arguments: str) -> str:
        git = shutil.which("git")
        if git is None:
            raise DemoFailed("The demo needs git, and there is none on the PATH.")
        done = subprocess.run(  # noqa: S603  # nosec B603
            [git, *arguments],
            cwd=folder,
            env=plain_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        if done.returncode:
            raise DemoFailed(f"git {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def push(self, revision: str) -> None:
        """Tell Buildbot about the commit, so that both builders start."""
        self.buildbot.push(
            revision=revision,
            branch="main",
            repository=self._repository.as_uri(),
            project=PROJECT,
        )

    def start_rates_server(self) -> None:
        """Start the server whose absence turned the first build red: git over plain HTTP."""
        place = self._root / "rates"
        place.mkdir()
        shutil.copyfile(FILES / "rates.json", place / "rates.json")
        self._committed(place, "Add rates")
        self._git(place, "update-server-info")
        command = [sys.executable, "-m", "http.server", str(self._rates), "--bind", "127.0.0.1"]
        self._processes.start("rates-server", command, cwd=place)

    def failures(self) -> list[dict[str, Any]]:
        """What the service knows, oldest first."""
        answer = self._http.get("/api/v1/failures", params={"repository": PROJECT})
        answer.raise_for_status()
        items: list[dict[str, Any]] = answer.json()["items"]
        return items[::-1]
