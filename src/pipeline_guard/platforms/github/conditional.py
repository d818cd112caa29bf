"""Conditional reads: an answer that GitHub calls unchanged does not count against our limit.

GitHub is asked each time, so nothing here is ever out of date. Its ETags hold for one token only.
https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

import orjson

from pipeline_guard.cache import Cache

KEPT_SECONDS: Final = 6 * 3600.0
"""How long an answer is kept: what is read again is read again within hours."""
LARGEST: Final = 256 << 10
"""Characters of an answer that is kept; larger ones are lists that change all the time."""


@dataclass(frozen=True, slots=True)
class Known:
    """An answer as it was, with its ETag and the link to its next page, which a 304 leaves out."""

    etag: str
    link: str | None
    body: str


class Conditional:
    """The answers of one GitHub."""

    def __init__(self, cache: Cache, api_url: str) -> None:
        self._cache = cache
        self._api_url = api_url

    def recall(self, token: str, path: str) -> Known | None:
        """What the path answered to this token."""
        kept = self._cache.get(self._name(token, path))
        return Known(**orjson.loads(kept)) if kept else None

    def keep(self, token: str, path: str, headers: Mapping[str, str], body: str) -> None:
        """Remember a successful answer if GitHub can tell later whether it still holds."""
        etag = headers.get("etag")
        if etag and len(body) <= LARGEST:
            known = Known(etag, headers.get("link"), body)
            self._cache.put(self._name(token, path), orjson.dumps(asdict(known)), KEPT_SECONDS)

    def _name(self, token: str, path: str) -> str:
        return f"answer {self._api_url} {hashlib.sha256(token.encode()).hexdigest()} {path}"
