"""A real Buildbot master and worker on loopback for the session, and the pushes they send."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from pipeline_guard.cli.demo_buildbot.lab import Buildbot
from pipeline_guard.cli.demo_buildbot.processes import Processes
from pipeline_guard.platforms.buildbot.adapter import BuildbotPlatform
from pipeline_guard.platforms.buildbot.client import BuildbotClient

TOKEN = "one-token-of-the-tests"
PASSWORD = "a-password-of-the-tests"


class Receiver(ThreadingHTTPServer):
    """Keeps what the master pushes: (path, lower-case headers, body)."""

    def __init__(self) -> None:
        self.pushes: list[tuple[str, dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.pushes.append((self.path, headers, body))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


class Master:
    """The running master as a test drives it: flags for its builders, forced builds, waiting."""

    def __init__(self, lab: Buildbot, receiver: Receiver, flags: Path) -> None:
        self.url = lab.url
        self.lab = lab
        self.receiver = receiver
        self.flags = flags

    def raise_flag(self, name: str) -> None:
        (self.flags / name).touch()

    def lower_flag(self, name: str) -> None:
        (self.flags / name).unlink(missing_ok=True)

    def force(self, builder: str, **params: str) -> None:
        call = {"jsonrpc": "2.0", "id": 1, "method": "force", "params": params}
        where = f"{self.url}/api/v2/forceschedulers/force-{builder}"
        httpx.post(where, json=call, timeout=10).raise_for_status()

    async def finished(self, builder: str, count: int) -> dict[str, Any]:
        """The builder's newest build, once it has `count` finished ones."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            builds = await asyncio.to_thread(self.lab.builds, builder)
            if len(builds) >= count and all(build["complete"] for build in builds):
                return builds[-1]
            await asyncio.sleep(0.1)
        raise AssertionError(f"{builder}: no {count} finished builds within 20 s")

    async def built(self, builder: str, **params: str) -> dict[str, Any]:
        """Force a build and wait for its end."""
        before = len(await asyncio.to_thread(self.lab.builds, builder))
        await asyncio.to_thread(lambda: self.force(builder, **params))
        return await self.finished(builder, before + 1)

    async def push_of(self, buildid: int, path: str) -> tuple[dict[str, str], bytes]:
        """The push about a build's end."""
        wanted = (b'"buildid": %d,' % buildid, b'"complete": true')
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for where, headers, body in list(self.receiver.pushes):
                if where == path and all(part in body for part in wanted):
                    return headers, body
            await asyncio.sleep(0.02)
        raise AssertionError(f"no push about build {buildid} at {path}")


@pytest.fixture(scope="session")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    root = tmp_path_factory.mktemp("buildbot")
    flags = root / "flags"
    flags.mkdir()
    secrets = root / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "guard-token").touch(mode=0o600)
    (secrets / "guard-token").write_text(TOKEN)
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with Processes(root) as processes:
        facts = {
            "flags": str(flags),
            "secrets": str(secrets),
            "receiver": receiver.url,
            "token": TOKEN,
            "password": PASSWORD,
        }
        lab = Buildbot(processes, root, Path(__file__).parent / "master.cfg", facts)
        lab.create()
        lab.start()
        yield Master(lab, receiver, flags)
    receiver.shutdown()
    receiver.server_close()


@pytest.fixture
async def platform(master: Master) -> AsyncIterator[BuildbotPlatform]:
    one = BuildbotPlatform(BuildbotClient(master.url, user="guard", password=PASSWORD))
    yield one
    await one.aclose()
