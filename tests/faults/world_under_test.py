"""The whole line on a thread of its own, for a state machine that knows no event loop."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import psycopg
from tests.fakes.github.server import FakeGitHub
from tests.line.harness import Line, running_line

TABLES = "failures, actions, deliveries, comments, incidents, changes, platform_limits"


class Crash(Exception):
    """Stands for the end of the process, in the middle of a call."""


class Service:
    """The service under test; every method returns when what it caused has come to rest."""

    def __init__(self, line: Line, github: FakeGitHub, url: str, loop: asyncio.AbstractEventLoop):
        self.line, self.github, self.url, self._loop = line, github, url, loop
        self.crash: str | None = None
        adapter: Any = line.context.platforms["github"].platform
        rerun = adapter.rerun

        async def crashing(*arguments: Any, **more: Any) -> Any:
            when, self.crash = self.crash, None
            if when == "before":
                raise Crash("before the call")
            answer = await rerun(*arguments, **more)
            if when == "after":
                raise Crash("after the call, before its result was written")
            return answer

        adapter.rerun = crashing

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def clear(self) -> None:
        """A new world: nothing was ever heard of."""
        self.crash = None
        self.github.reset()
        self.sql("DELETE FROM procrastinate_jobs WHERE status <> 'doing'")
        self.wait(self.line.settle())
        self.sql(f"TRUNCATE {TABLES} CASCADE")

    def deliver(self, *hooks: tuple[dict[str, str], bytes]) -> list[int]:
        async def work() -> list[int]:
            codes = [(await self.line.post("github", *hook)).status_code for hook in hooks]
            await self.line.settle()
            return codes

        return self.wait(work())

    def hurry(self) -> None:
        self.wait(self.line.hurry())

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []


@contextlib.contextmanager
def service(url: str, github: FakeGitHub, folder: Path) -> Iterator[Service]:
    """The service over that database and that GitHub."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    line = running_line(
        url,
        folder,
        mode="act",
        github_api_url=github.url,
        github_token=github.token,
        github_webhook_secret=github.secret,
    )

    def wait(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    try:
        yield Service(wait(line.__aenter__()), github, url, loop)
    finally:
        wait(line.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
