"""The whole line in one process: the real receiver, queue, worker, judge and store."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg
from tests.fakes.github.server import FakeGitHub
from tests.fakes.gitlab import FakeGitLab

from pipeline_guard import worker
from pipeline_guard.settings import Settings
from pipeline_guard.stages import assemble
from pipeline_guard.stages.context import Context
from pipeline_guard.store.session import Database
from pipeline_guard.telemetry.telemetry import Telemetry
from pipeline_guard.web.app import create_app

PATIENCE = 20.0
"""Seconds until a line that does not come to rest fails its test."""
Guarded = Callable[..., contextlib.AbstractAsyncContextManager["Line"]]
"""Starts a line under the guard.yaml whose text it is given; see conftest."""


class Line:
    """Posts deliveries and waits until everything they caused has been done."""

    def __init__(self, client: httpx.AsyncClient, url: str, context: Context) -> None:
        self.client = client
        self.context = context
        self._url = url

    async def post(self, platform: str, headers: Mapping[str, str], body: bytes) -> httpx.Response:
        return await self.client.post(f"/webhooks/{platform}", headers=headers, content=body)

    async def notes(self) -> list[str]:
        """What became of every delivery, for a failing test to show."""
        items = (await self.client.get("/api/v1/deliveries")).json()["items"]
        return [f"{item['status']}: {item['note']}" for item in items]

    async def settle(self) -> None:
        """Return when no job is running or due; one behind a job that waits, waits with it."""
        deadline = time.monotonic() + PATIENCE
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
            while time.monotonic() < deadline:
                found = await connection.execute(
                    "SELECT count(*) FROM procrastinate_jobs job WHERE status = 'doing' OR"
                    " (status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())"
                    " AND NOT EXISTS (SELECT FROM procrastinate_jobs earlier"
                    " WHERE earlier.lock = job.lock AND earlier.id < job.id"
                    " AND earlier.status = 'todo' AND earlier.scheduled_at > now()))"
                )
                row = await found.fetchone()
                if row == (0,):
                    return
                await asyncio.sleep(0.02)
        raise AssertionError(f"jobs are still due after {PATIENCE} s")

    async def waiting(self) -> list[tuple[str, dict[str, Any]]]:
        """Jobs that are scheduled for later: (task, arguments)."""
        async with await psycopg.AsyncConnection.connect(self._url) as connection:
            rows = await connection.execute(
                "SELECT task_name, args FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id"
            )
            return await rows.fetchall()

    async def hurry(self) -> None:
        """Let what is scheduled for later be due now, and wait for it."""
        async with await psycopg.AsyncConnection.connect(self._url) as connection:
            await connection.execute(
                "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'"
            )
            await connection.execute("DELETE FROM platform_limits")
            await connection.execute("SELECT pg_notify('procrastinate_any_queue_v1', '{}')")
        await self.settle()

    async def failures(self, **filters: str) -> list[dict[str, Any]]:
        """Failures as the API shows them, oldest first."""
        answer = await self.client.get("/api/v1/failures", params=filters)
        return answer.json()["items"][::-1]

    async def delivery(self, row_id: int) -> dict[str, Any]:
        return (await self.client.get(f"/api/v1/deliveries/{row_id}")).json()


def on_github(fake: FakeGitHub) -> dict[str, Any]:
    """The settings that connect a line to the fake."""
    return {
        "github_api_url": fake.url,
        "github_token": fake.token,
        "github_webhook_secret": fake.secret,
    }


def on_gitlab(fake: FakeGitLab) -> dict[str, Any]:
    """The settings that connect a line to the fake."""
    return {
        "gitlab_url": fake.url,
        "gitlab_token": fake.token,
        "gitlab_webhook_secret": fake.secret_token,
    }


@contextlib.asynccontextmanager
async def running_line(
    url: str, data_dir: Path, *, telemetry: Telemetry | None = None, **settings: Any
) -> AsyncIterator[Line]:
    """The service over that database, with a worker, configured by `settings`."""
    chosen = Settings(_env_file=None, data_dir=data_dir, **settings)
    database = Database(url)
    queue = worker.queue_app(url)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        await stack.enter_async_context(queue.open_async())
        telemetry = telemetry or Telemetry()
        tasks = worker.TaskQueue(queue, telemetry.tracing)
        platforms = assemble.connect_platforms(chosen, telemetry)
        stack.push_async_callback(platforms.aclose)
        app = create_app(chosen, database, platforms.on, tasks, telemetry)
        await stack.enter_async_context(app.router.lifespan_context(app))
        context = assemble.context(chosen, database, platforms, tasks, telemetry)
        await stack.enter_async_context(worker.running(queue, context))
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", timeout=30
        )
        await stack.enter_async_context(client)
        yield Line(client, url, context)
