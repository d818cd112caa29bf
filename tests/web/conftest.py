"""The application over a real database, without a worker; one GitHub secret, one API token."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from pipeline_guard import worker
from pipeline_guard.settings import Settings
from pipeline_guard.stages import assemble
from pipeline_guard.store.session import Database
from pipeline_guard.web.app import create_app

TOKEN = "api-token-of-the-test"


@contextlib.asynccontextmanager
async def running_app(
    database: Database, url: str, data_dir: Path, **values: Any
) -> AsyncIterator[FastAPI]:
    """The application with those settings."""
    chosen = Settings(
        _env_file=None,
        data_dir=data_dir,
        github_token="t",
        github_webhook_secret="secret",
        **values,
    )
    queue = worker.queue_app(url, connections=1)
    platforms = assemble.connect_platforms(chosen)
    async with queue.open_async():
        app = create_app(chosen, database, platforms.on, worker.TaskQueue(queue))
        async with app.router.lifespan_context(app):
            yield app
    await platforms.aclose()


def client_of(app: FastAPI, base_url: str, **headers: str) -> httpx.AsyncClient:
    """A client that talks to the application without a network."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers)


@pytest.fixture
async def app(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[FastAPI]:
    async with running_app(database, database_url, tmp_path, api_token=TOKEN) as running:
        yield running


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, "http://test", authorization=f"Bearer {TOKEN}") as opened:
        yield opened


@pytest.fixture
async def open_client(
    database: Database, database_url: str, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """Of an application that nobody has locked."""
    async with (
        running_app(database, database_url, tmp_path) as running,
        client_of(running, "http://127.0.0.1") as opened,
    ):
        yield opened
