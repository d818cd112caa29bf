"""Posts a notice to a program of the user's, signed so that it can tell it is from us.

The scheme is that of https://www.standardwebhooks.com: HMAC-SHA256 over "id.timestamp.body".
"""

import base64
import binascii
import hashlib
import hmac
import time
from typing import Any, Final

import orjson

from pipeline_guard.domain.notices import Notice
from pipeline_guard.notify.addresses import post

CODED: Final = "whsec_"


async def send(url: str, secret: str, notice_id: str, notice: Notice) -> None:
    """Post it; raises PlatformError. The receiver knows a second copy by its `webhook-id`."""
    body = orjson.dumps(payload(notice))
    now = int(time.time())
    headers = {
        "content-type": "application/json",
        "webhook-id": notice_id,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(secret, notice_id, now, body),
    }
    await post(url, body, headers)


def payload(notice: Notice) -> dict[str, Any]:
    """What is posted; new keys may be added, none changes its meaning."""
    return {
        "type": f"pipeline_guard.{notice.kind}",
        "data": {
            "title": notice.title,
            "repositories": list(notice.repositories),
            "lines": list(notice.lines),
            "quote": notice.quote,
            "url": notice.url,
            **dict(notice.facts),
        },
    }


def signature(secret: str, notice_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`; a secret that starts with whsec_ is base64 behind it."""
    signed = f"{notice_id}.{timestamp}.".encode() + body
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(secret: str) -> bytes:
    if secret.startswith(CODED):
        try:
            return base64.b64decode(secret.removeprefix(CODED), validate=True)
        except binascii.Error:
            pass  # a secret that only looks like one of that kind
    return secret.encode()
