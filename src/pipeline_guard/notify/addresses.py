"""Which addresses notices may be posted to, and what the answers mean."""

from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import httpx

from pipeline_guard.domain.statuses import come_back, kind_of
from pipeline_guard.errors import ConfigError, PlatformUnavailable, RateLimited

TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)


def checked(url: str, *, allow_loopback: bool = False) -> str:
    """The URL, if it may be posted to; raises ConfigError, whose text never holds the URL.

    Only https, so that nobody on the way reads or changes it, and no name and password in it.
    `allow_loopback` lets plain http reach this very machine.
    """
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.username or parts.password:
        raise ConfigError("is no address that a notice can be sent to (https://host/…)")
    if parts.scheme == "https" or (parts.scheme == "http" and allow_loopback and _is_here(host)):
        return url.strip()
    raise ConfigError("must start with https:// (http only to this machine, with allow_loopback)")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Post once, without following redirects; raises PlatformError for all but success.

    An error names the host alone: addresses of this kind are secrets themselves.
    """
    where = urlsplit(url).hostname
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as client:
            answer = await client.post(url, content=body, headers=dict(headers))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PlatformUnavailable(f"{where} did not answer: {type(error).__name__}") from None
    if answer.is_success:
        return
    status = answer.status_code
    told = f"{where} answered {status}"
    if status == 429:
        end = come_back(answer.headers, datetime.now(UTC))
        raise RateLimited(told, status=status, retry_at=end)
    raise kind_of(status)(told, status=status)
