"""A real server for what a test transport cannot do: streams, and browsers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Literal

import uvicorn
from fastapi import FastAPI


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are pytest's."""
        yield


@contextlib.asynccontextmanager
async def served(app: FastAPI, lifespan: Literal["on", "off"] = "on") -> AsyncIterator[str]:
    """The application on a free port of this machine; gives its address.

    `lifespan` is off for one that is running already.
    """
    config = uvicorn.Config(
        app, port=0, log_config=None, ws="none", lifespan=lifespan, timeout_graceful_shutdown=1
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving
