"""Live: one connection per process that hears of changes, and hands them to every open page."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.errors import StoreUnavailable
from pipeline_guard.store import changes
from pipeline_guard.store.changes import Changed
from pipeline_guard.store.session import CONNECT_TIMEOUT, Database

MOST_CLIENTS: Final = 200
"""Open streams per process; each costs a socket and a short queue."""
MOST_WAITING: Final = 200
"""Changes that wait for a slow client; with more its stream ends, and it comes back for them."""
RECONNECT_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 20.0
"""How often a silent connection is asked whether it still lives."""
BURST_SECONDS: Final = 0.05
"""Changes that come so close together are read with one query."""
CATCH_UP: Final = 500
"""Changes that are read after a gap; who missed more is told to read everything anew."""

Describe = Callable[[AsyncSession, Changed], Awaitable[dict[str, Any]]]
"""What is told about a change."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """A change as clients are told of it."""

    id: int
    kind: str
    data: dict[str, Any]


class Client:
    """One open stream's own queue; None in it is the end."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Told | None] = asyncio.Queue(MOST_WAITING + 1)

    def put(self, told: Told) -> None:
        """Hand over a change, or the end when too many wait already."""
        if self.queue.qsize() >= MOST_WAITING:
            self.end()
        else:
            self.queue.put_nowait(told)

    def end(self) -> None:
        """Nothing comes any more, and what waits is not told; they come back for it."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Told]:
        """Every change from now on, until the end."""
        while (told := await self.queue.get()) is not None:
            yield told


class Live:
    """Listens to the database and tells its clients; `running` makes it work."""

    def __init__(self, database: Database, describe: Describe) -> None:
        self._database = database
        self._describe = describe
        self._clients: set[Client] = set()
        self._heard: asyncio.Queue[int] = asyncio.Queue()
        self._last = 0
        self._ended = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen while the block runs, whatever happens to the database meanwhile."""
        tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._tell())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            self.end()
            await asyncio.wait(tasks)

    def end(self) -> None:
        """End every stream and take no new one: a server that stops waits for its answers."""
        self._ended = True
        for client in self._clients:
            client.end()

    @property
    def full(self) -> bool:
        """No further client is taken."""
        return self._ended or len(self._clients) >= MOST_CLIENTS

    @contextlib.contextmanager
    def client(self) -> Iterator[Client]:
        """A client that is told of every change while the block runs."""
        client = Client()
        self._clients.add(client)
        try:
            yield client
        finally:
            self._clients.discard(client)

    async def missed(self, last: int) -> list[Told] | None:
        """What changed after the change `last`; None when it is too much to tell."""
        async with self._database.transaction() as session:
            found = await changes.since(session, last, CATCH_UP)
            return None if len(found) >= CATCH_UP else await self._told(session, found)

    async def _told(self, session: AsyncSession, found: Sequence[Changed]) -> list[Told]:
        return [Told(row.id, row.kind, await self._describe(session, row)) for row in found]

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (psycopg.Error, OSError, StoreUnavailable) as error:
                log.warning("live_interrupted", error=str(error))
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _hear(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            self._database.url, autocommit=True, connect_timeout=CONNECT_TIMEOUT
        )
        async with connection:
            await connection.execute(f"LISTEN {changes.CHANNEL}".encode())
            await self._catch_up()
            while True:
                async for note in connection.notifies(timeout=LOOK_SECONDS):
                    self._heard.put_nowait(int(note.payload))
                await connection.execute(b"SELECT 1")

    async def _catch_up(self) -> None:
        """What was committed while nobody listened."""
        async with self._database.transaction() as session:
            if self._last and self._clients:
                for changed in await changes.since(session, self._last, CATCH_UP):
                    self._heard.put_nowait(changed.id)
            else:
                self._last = await changes.last_id(session)

    async def _tell(self) -> None:
        while True:
            ids = [await self._heard.get()]
            await asyncio.sleep(BURST_SECONDS)
            while not self._heard.empty():
                ids.append(self._heard.get_nowait())
            self._last = max(self._last, *ids)
            if not self._clients:
                continue
            try:
                async with self._database.transaction() as session:
                    told = await self._told(session, await changes.of_ids(session, ids))
            except StoreUnavailable as error:
                log.warning("live_interrupted", error=str(error))
                await asyncio.sleep(RECONNECT_SECONDS)
                for number in ids:
                    self._heard.put_nowait(number)
                continue
            except Exception:
                log.exception("changes_not_told")  # the next ones are
                continue
            for item in told:
                for client in tuple(self._clients):
                    client.put(item)
