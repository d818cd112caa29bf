"""The cache: what is dear to ask for again, in this process and, by Redis, in all of them.

Nothing rests on it. Whoever reads from it can do without, and whatever Redis does, work goes on.
"""

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from pipeline_guard.errors import ConfigError
from pipeline_guard.settings import Settings
from pipeline_guard.vault import Vault, vault_from

MOST_BYTES: Final = 16 << 20
"""Of what one process holds; what was used longest ago goes first."""
PATIENCE: Final = 0.25
"""Seconds for one word with Redis: a read saved is worth no more."""
PAUSE: Final = 30.0
"""Seconds without Redis after it failed, so that not every read waits for it."""
PREFIX: Final = "pipeline-guard:1:"
"""How our keys in Redis begin, with the version of what they hold."""

log = structlog.get_logger(__name__)


class Cache:
    """Bytes by name, for a time; from any thread. Raises nothing."""

    def __init__(self, shared: "Shared | None" = None, *, most_bytes: int = MOST_BYTES) -> None:
        self._shared = shared
        self._most = most_bytes
        self._size = 0
        self._own: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str) -> bytes | None:
        """What was kept under the name; what others kept comes first, for it may be newer."""
        found = self._shared.get(name) if self._shared else None
        if found is not None:
            return found
        with self._lock:
            until, value = self._own.get(name, (0.0, b""))
            if until <= time.monotonic():
                self._drop(name)
                return None
            self._own.move_to_end(name)
            return value

    def put(self, name: str, value: bytes, seconds: float) -> None:
        """Keep it under the name for so long; what is too large for a share of the room is not."""
        if len(value) > self._most // 8:
            return
        with self._lock:
            self._drop(name)
            self._own[name] = (time.monotonic() + seconds, value)
            self._size += len(value)
            while self._size > self._most:
                self._drop(next(iter(self._own)))
        if self._shared:
            self._shared.put(name, value, seconds)

    def forget(self, name: str) -> None:
        """Keep it no longer, here and for all."""
        with self._lock:
            self._drop(name)
        if self._shared:
            self._shared.forget(name)

    def close(self) -> None:
        """Give back the connections."""
        if self._shared:
            self._shared.close()

    def _drop(self, name: str) -> None:
        known = self._own.pop(name, None)
        self._size -= len(known[1]) if known else 0


class Shared:
    """The part in Redis: names are hashed and values sealed, so who reads there learns nothing.

    Sealed also means that nobody who can write there can make us believe something. Processes
    with different keys do not understand each other, and each goes its own way.
    """

    def __init__(
        self, url: str, vault: Vault, *, patience: float = PATIENCE, pause: float = PAUSE
    ) -> None:
        self._client = _client(url, patience)
        self._where = where(url)
        self._vault = vault
        self._pause = pause
        self._until = 0.0
        """Before that moment Redis is left alone."""
        self._well = True

    def get(self, name: str) -> bytes | None:
        """What some process kept under the name."""
        sealed = self._try(lambda: self._client.get(_key(name)))
        if not isinstance(sealed, bytes):
            return None
        try:
            held, _, value = self._vault.open(sealed).partition(b"\0")
        except ConfigError:
            return None
        # The name is sealed with the value: one sealed for another name is not taken for it.
        return value if held == _key(name).encode() else None

    def put(self, name: str, value: bytes, seconds: float) -> None:
        """Keep it for all processes."""
        sealed = self._vault.seal(_key(name).encode() + b"\0" + value)
        self._try(lambda: self._client.set(_key(name), sealed, px=max(1, int(seconds * 1000))))

    def forget(self, name: str) -> None:
        """Keep it for nobody."""
        self._try(lambda: self._client.delete(_key(name)))

    def check(self) -> str:
        """What is to be said of it after it kept something; raises OSError with a sentence."""
        from redis import RedisError  # noqa: PLC0415

        name, started = f"check {secrets.token_hex(8)}", time.perf_counter()
        try:
            self._client.set(_key(name), b"", px=1000)
            took = time.perf_counter() - started
            about = self._client.info("server")
        except (RedisError, OSError) as error:
            told = str(error).rstrip(".") or type(error).__name__
            raise OSError(f"{self._where} does not serve us: {told}.") from error
        kind = str(about.get("server_name", "redis")).capitalize()
        version = about.get(f"{kind.lower()}_version", about["redis_version"])
        return f"{kind} {version} at {self._where} answers in {1000 * took:.0f} ms."

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

    def _try(self, work: Callable[[], Any]) -> Any:
        """What `work` returns; None while Redis is away, which is said once."""
        from redis import RedisError  # noqa: PLC0415 (only where it is used)

        if time.monotonic() < self._until:
            return None
        try:
            answer = work()
        except (RedisError, OSError) as error:
            self._until = time.monotonic() + self._pause
            if self._well:
                self._well = False
                log.warning("redis_away", redis=self._where, error=type(error).__name__)
            return None
        if not self._well:
            self._well = True
            log.info("redis_back", redis=self._where)
        return answer


def cache_from(settings: Settings) -> Cache:
    """The cache by the settings; without REDIS_URL, or where it cannot be used, of this process."""
    if settings.redis_url is None:
        return Cache()
    try:
        return Cache(shared_from(settings))
    except ConfigError as error:
        log.warning("redis_not_used", error=str(error))
        return Cache()


def shared_from(settings: Settings) -> Shared | None:
    """The part in Redis, not asked yet; None without REDIS_URL. Raises ConfigError."""
    if settings.redis_url is None:
        return None
    return Shared(settings.redis_url.get_secret_value(), vault_from(settings))


def where(url: str) -> str:
    """The part of the URL that is no secret."""
    parts = urlsplit(url)
    return parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"


def _client(url: str, patience: float) -> Any:
    try:
        from redis import Redis  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            "PIPELINE_GUARD_REDIS_URL is set, but the Python package `redis` is not installed"
        ) from None
    try:
        return Redis.from_url(
            url,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            # Once more at once: a server that was started anew has closed our connections.
            retry=Retry(NoBackoff(), 1),
        )
    except ValueError as error:
        raise ConfigError(f"PIPELINE_GUARD_REDIS_URL: {error}") from None


def _key(name: str) -> str:
    return PREFIX + hashlib.sha256(name.encode()).hexdigest()
