"""Accept: make a verified delivery durable, together with its job, before anybody says 202.

The hot path. One statement stores a delivery and defers its job; deliveries that arrive while
one is on its way to the disk share the next statement, so under load the cost of a commit is
divided by many and alone a delivery waits for nothing.
"""

import asyncio
import dataclasses
from dataclasses import dataclass
from typing import Literal

import orjson
import psycopg
from psycopg_pool import AsyncConnectionPool

from pipeline_guard.domain.events import Event, InlineLog, Parsed
from pipeline_guard.errors import MalformedDelivery, StoreUnavailable
from pipeline_guard.logs.redact import Redactor
from pipeline_guard.store.deliveries import NewDelivery, store_batch
from pipeline_guard.telemetry.telemetry import Telemetry

MAX_BATCH = 200
"""Deliveries per statement; more would only make the first of them wait longer."""
WRITERS = 2
"""Statements under way at once: one is parsed while the other waits for the disk."""
TIMEOUT = 8.0
"""Seconds until the sender is told that the database is away (GitHub itself waits 10)."""
INLINE_LOG_LIMIT = 512 * 1024
"""Characters kept of a log carried inside a delivery: half from its head, half from its tail."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The delivery's row id, and whether it was new; a duplicate has no id to show."""

    status: Literal["accepted", "duplicate"]
    delivery: int | None


def run_lock(platform: str, repository: str, run_id: str) -> str:
    """Jobs with the same lock never run side by side: all that concerns one run."""
    return f"{platform}:{repository}:{run_id}"


class Acceptor:
    """Groups concurrent deliveries into transactions; `await start()` before, `close()` after."""

    def __init__(self, pool: AsyncConnectionPool, telemetry: Telemetry | None = None) -> None:
        self._pool = pool
        self._telemetry = telemetry or Telemetry()
        self._waiting: list[tuple[NewDelivery, asyncio.Future[Accepted]]] = []
        self._arrived = asyncio.Event()
        self._writers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the connections and start writing."""
        await self._pool.open()
        self._writers = [asyncio.create_task(self._write()) for _ in range(WRITERS)]

    async def close(self) -> None:
        """Stop writing and close the connections; who still waits is told to come back."""
        for writer in self._writers:
            writer.cancel()
        await asyncio.gather(*self._writers, return_exceptions=True)
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(StoreUnavailable("The service is shutting down."))
        await self._pool.close()

    async def accept(self, platform: str, parsed: Parsed) -> Accepted:
        """Store the delivery and its job; returns only after the commit.

        Raises StoreUnavailable when the database is away or slow, MalformedDelivery when it
        refuses a value.
        """
        with self._telemetry.stage("accept"):
            return await self._accept(platform, parsed)

    async def _accept(self, platform: str, parsed: Parsed) -> Accepted:
        traceparent = self._telemetry.tracing.traceparent()
        delivery = await _new_delivery(platform, parsed, traceparent)
        future: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, future))
        self._arrived.set()
        try:
            async with asyncio.timeout(TIMEOUT):
                return await future
        except TimeoutError:
            raise StoreUnavailable("The database did not answer in time.") from None

    async def _write(self) -> None:
        while True:
            await self._arrived.wait()
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            if not self._waiting:
                self._arrived.clear()
            # Who has given up by now must not be stored behind their back without an answer;
            # a redelivery will come.
            batch = [item for item in batch if not item[1].done()]
            if batch:
                await self._store(batch)

    async def _store(self, batch: list[tuple[NewDelivery, asyncio.Future[Accepted]]]) -> None:
        try:
            different = {(item.platform, item.delivery_id): item for item, _ in batch}
            stored = await store_batch(self._pool, list(different.values()))
        except psycopg.DataError:
            # One delivery holds what the database cannot: find it alone, save the others.
            if len(batch) == 1:
                # The error itself quotes the value, and this goes into the log.
                _answer(batch[0][1], MalformedDelivery("It holds what cannot be stored."))
                return
            for item in batch:
                await self._store([item])
        except asyncio.CancelledError:
            for _, future in batch:
                _answer(future, StoreUnavailable("The service is shutting down."))
            raise
        except Exception as error:
            for _, future in batch:
                _answer(future, error)
        else:
            for delivery, future in batch:
                # The first of two equal ones takes the id, the second is its duplicate.
                row_id = stored.pop((delivery.platform, delivery.delivery_id), None)
                status: Literal["accepted", "duplicate"] = "accepted" if row_id else "duplicate"
                _answer(future, Accepted(status, row_id))


def _answer(future: asyncio.Future[Accepted], result: Accepted | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


async def _new_delivery(platform: str, parsed: Parsed, traceparent: str | None) -> NewDelivery:
    event = parsed.outcome
    if not isinstance(event, Event):
        raise TypeError("an ignored delivery is not accepted")
    if parsed.logs:
        kept = await asyncio.to_thread(_redacted, parsed.logs)
        event = dataclasses.replace(event, hints=event.hints | {"logs": kept})
    if traceparent is not None:  # the job goes on with the trace
        event = dataclasses.replace(event, hints=event.hints | {"traceparent": traceparent})
    # PostgreSQL's text holds no NUL, however escaped.
    as_json = orjson.dumps(event).replace(b"\\u0000", b"\\ufffd")
    return NewDelivery(platform, parsed.delivery_id, parsed.event_name, as_json, parsed.body)


def _redacted(logs: tuple[InlineLog, ...]) -> list[dict[str, str]]:
    """Inline logs as they may be stored: without secrets, head and tail when too long."""
    kept = []
    for item in logs:
        text = item.text
        if len(text) > INLINE_LOG_LIMIT:
            half = INLINE_LOG_LIMIT // 2
            text = f"{text[:half]}\n[… cut …]\n{text[-half:]}"
        redactor = Redactor()
        redactor.observe(text.encode(errors="replace"))
        kept.append({"job_id": item.job_id, "name": item.name, "text": redactor.redact(text)})
    return kept
