"""A bound on the size of what is sent to pages and API; webhooks have their own."""

from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline_guard.web.problems import problem

MAX_BYTES: Final = 8 * 1024 * 1024
"""Room for a pasted log; everything else is a few words."""
_TOO_LARGE: Final = f"The body is larger than {MAX_BYTES >> 20} MB."


class BodyLimit:
    """Answers 413 as soon as it is known that a body is too large."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, counting what it brings."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > MAX_BYTES:
            await problem(413, _TOO_LARGE)(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MAX_BYTES:  # raised where the body is read, and told as any other refusal
                raise HTTPException(413, _TOO_LARGE)
            return message

        await self._app(scope, counted, send)
