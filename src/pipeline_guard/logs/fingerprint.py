"""Names a cause so that the same one gets the same name tomorrow and another one does not."""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

# In order: what an earlier pattern took, a later one does not see. Each is linear: no nested
# repetition, and every alternative begins with another character or ends at a fixed length.
_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]{0,6}"
_TIME: Final = (
    r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    rf"|\b\d{{1,2}}[ /-]{_MONTH}[ /-]\d{{4}}(?::\d\d:\d\d:\d\d)?(?: [+-]\d{{4}}\b)?"
    rf"|\b{_MONTH} +\d{{1,2}}\b(?:,? \d{{4}}\b)?"
    r"|\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?(?:\s?[AP]M\b)?(?: \d{4}\b)?|\b\d{1,2}:\d\d\s?[AP]M\b"
    r"|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +(?:\d{1,2} )?[A-Z][a-z]{2}\b(?: +\d{1,2}\b)?"
)
_UUID: Final = r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
_HASH: Final = (
    r"\b(?:sha\d{1,3}[:-])?(?=[0-9a-fA-F]{0,39}\d)[0-9a-fA-F]{7,128}\b|\b0x[0-9a-fA-F]+\b"
)
_IPV6: Final = (
    r"(?<![\w:.])(?=[0-9a-fA-F:]{0,39}\d)(?:(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F]{1,4}"
    r"|(?:[0-9a-fA-F]{1,4}:){0,6}[0-9a-fA-F]{0,4}::(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){0,6})?)"
)
_POD: Final = r"-[bcdfghjklmnpqrstvwxz2456789]{8,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b"
"""The random end of a pod's name; Kubernetes leaves vowels out, lest it spells a word."""
_PATH: Final = r"(?:\bfile://|\b[A-Za-z]:|~|(?<![\w.:/\\*)\]}-]))(?:[/\\]+[\w.@+=%$~#-]+){2,}[/\\]?"
_TEMPORARY: Final = r"(?<![\w.])/(?:tmp|var)/[\w.@+=%-]+"
_DURATION: Final = r"\b\d+(?:\.\d+)? ?(?:ms|s|sec|secs|seconds?|m|min|mins|minutes?|h|hours?)\b"
_MASKS: Final = tuple(
    (re.compile(pattern), placeholder)
    for pattern, placeholder in (
        (_TIME, "<time>"),
        (_UUID, "<uuid>"),
        (_IPV6, "<n>"),
        (_POD, "-<n>"),
        (_PATH, "<path>"),
        (_TEMPORARY, "<path>"),
        (_HASH, "<n>"),  # a short one may be all digits
        (_DURATION, "<n>"),
        (r"\d+(?:[.,]\d+)*", "<n>"),
        (r"(?:<n>[.:,x/-]?){2,}", "<n>"),
        (r"<time>(?:[ ,]+<time>)+", "<time>"),
        (r"\s+", " "),
    )
)


def mask(text: str) -> str:
    """Give `text` with times, UUIDs, absolute paths, and hashes or numbers as placeholders.

    Paths inside the checkout (`tests/test_a.py`) stay: they tell one cause from another, while
    what stands before them differs from machine to machine.
    """
    for pattern, placeholder in _MASKS:
        text = pattern.sub(placeholder, text)
    return text.strip()


def fingerprint(category: str, rule: str | None, captures: Mapping[str, str], evidence: str) -> str:
    """Give 16 hex digits naming the cause; equal over numbers, hashes, paths and times.

    Captures that a rule wants in the fingerprint stand for the evidence line when there are any.
    """
    values = [f"{name}={mask(value)}" for name, value in sorted(captures.items()) if value]
    parts = [category, rule or "", *(values or [mask(evidence)])]
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]
