"""Names a cause so that the same one gets the same name tomorrow and another one does not."""

from collections.abc import Mapping
from hashlib import sha256

import re2

_MASKS = (
    (r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", "<uuid>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z?|\b\d\d:\d\d:\d\d\b", "<time>"),
    (r"(?:[A-Za-z]:)?(?:[/\\][\w.@+~-]+){2,}[/\\]?", "<path>"),
    (r"\b[0-9a-fA-F]{7,64}\b", "<hash>"),
    (r"\d+", "<n>"),
)


def mask(text: str) -> str:
    """Give `text` with times, UUIDs, paths, hashes and numbers replaced by placeholders."""
    for pattern, placeholder in _MASKS:
        text = re2.sub(pattern, placeholder, text)
    return text


def fingerprint(category: str, rule: str | None, captures: Mapping[str, str], evidence: str) -> str:
    """Give 16 hex digits naming the cause; equal over numbers, hashes, paths and times."""
    values = [f"{name}={mask(value)}" for name, value in sorted(captures.items())]
    parts = [category, rule or "", *(values or [mask(evidence)])]
    return sha256("\x00".join(parts).encode()).hexdigest()[:16]
