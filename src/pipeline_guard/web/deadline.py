"""A bound on the time until an answer begins, so that nobody waits for a database that hangs."""

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline_guard.web.dashboard.page import Pages
from pipeline_guard.web.problems import try_later

SECONDS: Final = 12.0
"""Above the database's own limits for connecting, below what proxies wait (mostly 30 to 60)."""
PAGE_SECONDS: Final = 25.0
"""A page may have to load a library and draw first."""


class Deadline:
    """Answers 503 when nothing has been answered in time; what has begun may take its time."""

    def __init__(
        self,
        app: ASGIApp,
        pages: Pages,
        seconds: float = SECONDS,
        page_seconds: float = PAGE_SECONDS,
    ) -> None:
        self._app = app
        self._pages = pages
        self._seconds = seconds
        self._page_seconds = page_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, for so long."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seconds = self._seconds if scope["path"].startswith("/api/") else self._page_seconds
        begun = late = False

        async def first(message: Message) -> None:
            nonlocal begun
            begun = True
            if not late:
                await send(message)

        work = asyncio.ensure_future(self._app(scope, receive, first))
        try:
            await asyncio.wait({work}, timeout=seconds)
            if begun or work.done():
                await work
                return
            late = True
            detail = f"There was no answer within {seconds:g} seconds."
            answer = try_later(self._pages, Request(scope), detail)
            await answer(scope, receive, send)
        finally:
            # A driver may need seconds to give up a call; the answer did not wait for that.
            if not work.done():
                work.cancel()
                await asyncio.wait({work})
