"""A worker's own small HTTP server: its metrics, and whether its event loop still turns."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from threading import Thread
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from pipeline_guard.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

BEAT_SECONDS: Final = 1.0
STANDSTILL_SECONDS: Final = 60.0
"""A loop that did not turn for so long will not turn again; what is slow runs in threads."""


class Pulse:
    """Beats in the event loop; whoever asks may be in another thread."""

    def __init__(self) -> None:
        self._last: float | None = None

    @contextlib.asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Beat for as long as the block runs."""
        task = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            task.cancel()

    async def _beat(self) -> None:
        while True:
            self._last = time.monotonic()
            await asyncio.sleep(BEAT_SECONDS)

    @property
    def is_there(self) -> bool:
        """False before the first beat, and when the last one is too long ago."""
        return self._last is not None and time.monotonic() - self._last < STANDSTILL_SECONDS


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name there)
        """Say nothing: probes come every few seconds."""


@contextlib.contextmanager
def exposed(registry: CollectorRegistry, pulse: Pulse, host: str, port: int) -> Iterator[int]:
    """Serve `/metrics` and `/healthz` from a thread of their own; the port they are on.

    Raises ConfigError when the address cannot be had.
    """
    metrics = make_wsgi_app(registry)

    def answer(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/healthz":
            page: Iterable[bytes] = metrics(environ, start_response)
            return page
        status, told = "200 OK", b"ok\n"
        if not pulse.is_there:
            status, told = "503 Service Unavailable", b"The worker's loop stands still.\n"
        start_response(status, [("Content-Type", "text/plain")])
        return [told]

    try:
        server = make_server(host, port, answer, ThreadingWSGIServer, _Quiet)
    except OSError as error:
        raise ConfigError(f"The metrics cannot listen on {host}:{port}: {error}") from error
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
