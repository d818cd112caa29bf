"""Starts processes in groups of their own, and leaves none of them behind."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess  # nosec B404
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline_guard.errors import PipelineGuardError


class DemoFailed(PipelineGuardError):
    """The demo did not go as it must; the text says what happened and where the logs are."""


class Processes:
    """Everything started below one directory; leaving the context stops it, newest first."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def log(self, name: str) -> Path:
        """Where a process writes what it prints."""
        return self.root / f"{name}.log"

    def run(self, commands: Mapping[str, Sequence[str]], *, cwd: Path) -> None:
        """Run named commands side by side; raises DemoFailed unless all succeed in a minute."""
        before = list(self._running)
        started = [(name, self.start(name, line, cwd=cwd)) for name, line in commands.items()]
        for name, process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=60)
            if process.returncode != 0:
                raise DemoFailed(f"{name} ended with {process.returncode}: see {self.log(name)}")
        self._running = before

    def start(
        self, name: str, command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command that stays, in a process group of its own, printing into its log."""
        with self.log(name).open("ab") as output:
            # Our own commands, without a shell.
            process = subprocess.Popen(  # noqa: S603  # nosec B603
                list(command),
                cwd=cwd,
                env=dict(plain_environment() if env is None else env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append((name, process))
        return process

    def wait_until(self, what: str, ready: Callable[[], bool], seconds: float) -> None:
        """Poll `ready` until it is true; raises DemoFailed when time or a process ends first."""
        deadline = time.monotonic() + seconds
        while not ready():
            for name, process in self._running:
                if process.poll() is not None:
                    raise DemoFailed(
                        f"{name} ended by itself with {process.returncode}: see {self.log(name)}"
                    )
            if time.monotonic() > deadline:
                raise DemoFailed(f"{what} did not happen within {seconds:.0f} s: see {self.root}")
            time.sleep(0.2)

    def stop(self) -> None:
        """End every process, newest first, and whatever they left behind below the root."""
        while self._running:
            _end(self._running.pop()[1], patience=15)
        # Killed is not gone: the kernel takes its time, and only then are ports and files free.
        deadline = time.monotonic() + 5
        while (left := leftovers(self.root)) and time.monotonic() < deadline:
            for pid in left:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)


def adopt_orphans() -> None:
    """Become the parent of what our processes leave behind, so that it can be reaped.

    Without it a database server that outlives its starter stays a zombie wherever process 1
    reaps nothing, as in many containers. PR_SET_CHILD_SUBREAPER is 36 (prctl(2), Linux only).
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def reap_orphans() -> None:
    """Wait, 5 seconds at most, until every child has ended; only for a process without others."""
    deadline = time.monotonic() + 5
    with suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.05)


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    """Ask a process to end, wait, then end its whole group."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=patience)


def leftovers(root: Path) -> list[int]:
    """Processes whose command line or working directory is below `root`, this one excepted."""
    return sorted(pid for pid, where in _everything() if str(root) in where and pid != os.getpid())


def _everything() -> Iterator[tuple[int, str]]:
    """Each process with its command line, and on Linux its working directory."""
    table = Path("/proc")
    if (table / "self").exists():
        for entry in table.iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    line = (entry / "cmdline").read_bytes().decode(errors="replace")
                    yield int(entry.name), f"{line}\0{(entry / 'cwd').readlink()}"
    elif ps := shutil.which("ps"):
        listing = subprocess.run(  # noqa: S603  # nosec B603
            [ps, "-axo", "pid=,command="], capture_output=True, text=True, check=False, timeout=10
        )
        for line in listing.stdout.splitlines():
            pid, _, command = line.strip().partition(" ")
            yield int(pid), command


def plain_environment() -> dict[str, str]:
    """This environment without the user's own settings of Pipeline Guard, proxies and git."""
    hidden = ("PIPELINE_GUARD_", "GIT_")
    proxies = {"http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy"}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(hidden) and name.lower() not in proxies
    }
    return kept | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "PYTHONUNBUFFERED": "1",
    }


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now; all different."""
    with_sockets = [socket.socket() for _ in range(count)]
    try:
        for one in with_sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in with_sockets]
    finally:
        for one in with_sockets:
            one.close()
