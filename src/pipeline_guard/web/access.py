"""Who may read: the bearer token of API_TOKEN, or the same as a browser's password."""

import base64
import binascii
import secrets
from collections.abc import Awaitable, Callable

from fastapi import HTTPException, Request

CHALLENGE = {"WWW-Authenticate": 'Basic realm="Pipeline Guard", charset="UTF-8"'}


def guard(tokens: tuple[str, ...]) -> Callable[[Request], Awaitable[None]]:
    """A dependency that lets in who shows one of the tokens; everybody when there are none."""

    async def check(request: Request) -> None:
        if not tokens:
            return
        shown = _shown(request.headers.get("authorization", ""))
        if not any(secrets.compare_digest(shown.encode(), token.encode()) for token in tokens):
            raise HTTPException(
                401,
                "Send 'Authorization: Bearer <PIPELINE_GUARD_API_TOKEN>'; a browser sends it as"
                " the password, with any name.",
                headers=CHALLENGE,
            )

    return check


def _shown(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""
