"""The application over a real database, without a worker; one GitHub secret, one API token."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from pipeline_guard import worker
from pipeline_guard.settings import Settings
from pipeline_guard.stages import assemble
from pipeline_guard.store.session import Database
from pipeline_guard.web.app import create_app

TOKEN = "api-token-of-the-test"


@pytest.fixture
async def client(
    database: Database, database_url: str, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    chosen = Settings(
        _env_file=None,
        data_dir=tmp_path,
        api_token=TOKEN,
        github_token="t",
        github_webhook_secret="secret",
    )
    queue = worker.queue_app(database_url, connections=1)
    platforms = assemble.connect_platforms(chosen)
    async with queue.open_async():
        app = create_app(chosen, database, platforms.on, worker.TaskQueue(queue))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app, raise_app_exceptions=False),
                base_url="http://test",
                headers={"authorization": f"Bearer {TOKEN}"},
            ) as opened,
        ):
            yield opened
    await platforms.aclose()
