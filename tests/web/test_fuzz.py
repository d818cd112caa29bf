"""Schemathesis over the whole API, on a real server with real rows: no server error, no lie."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi.checks import ignored_auth
from tests.conftest import _named
from tests.stages.decide.test_decide import diagnosis, run
from tests.web.conftest import TOKEN, running_app

from pipeline_guard.domain.plan import Plan
from pipeline_guard.store import audit, failures
from pipeline_guard.store.session import Database

_numbers = itertools.count()


class Service:
    """The application on a port of its own, with an event loop of its own."""

    def __init__(self, url: str, data_dir: Path) -> None:
        self._url, self._data_dir = url, data_dir
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.address = ""

    def __enter__(self) -> "Service":
        self._thread.start()
        assert self._started.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)

    async def _serve(self) -> None:
        async with self._running() as server:
            self._server = server
            task = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            self.address = f"http://127.0.0.1:{port}"
            self._started.set()
            await task

    @contextlib.asynccontextmanager
    async def _running(self) -> AsyncIterator[uvicorn.Server]:
        database = Database(self._url)
        async with database.transaction() as session:
            one = run()
            for status in ("open", "healed"):
                job = one.jobs[0]
                await failures.add(session, one, job, diagnosis(), Plan((), (), status))
            audit.record(session, "github:ann", "failure.ignored", "failure:1", {"a": 1})
        async with running_app(database, self._url, self._data_dir, api_token=TOKEN) as app:
            config = uvicorn.Config(app, port=0, log_config=None, lifespan="off")
            yield uvicorn.Server(config)
        await database.close()


@pytest.fixture(scope="module")
def api(postgres, tmp_path_factory) -> Iterator[schemathesis.BaseSchema]:
    name = f"fuzzed_{next(_numbers)}"
    with psycopg.connect(_named(postgres, "postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE pipeline_guard")
        with Service(_named(postgres, name), tmp_path_factory.mktemp("data")) as service:
            yield schemathesis.openapi.from_url(f"{service.address}/openapi.json").exclude(
                path="/api/v1/events"  # a stream has no end
            )
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


BOUNDS = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_no_input_ends_in_a_server_error_and_every_answer_is_as_described(api, mode):
    seen = set()
    for found in api.get_all_operations():
        operation = found.ok()

        @BOUNDS
        @given(case=operation.as_strategy(generation_mode=mode))
        def fuzz(case):
            seen.add((case.method, case.path))
            case.call_and_validate(
                headers={"authorization": f"Bearer {TOKEN}"},
                timeout=10,
                excluded_checks=[ignored_auth],  # the header would be sent all the same
            )

        with contextlib.suppress(Unsatisfiable):  # there is no wrong input for some
            fuzz()
    assert len(seen) >= 8
