"""How long a further re-run waits: twice as long each time, and not all at the same moment."""

import hashlib
from typing import Final

LONGEST: Final = 3600.0
"""Seconds; after an hour it is not the wait that is missing."""


def wait_seconds(first: float, tried: int, name: str) -> float:
    """Seconds before a re-run that `tried` others came before; the first one does not wait.

    `first` is the wait of the second, in seconds. The wait is spread from half to one and a half
    by `name`, so that what failed together does not come back together, yet a decision that is
    made twice is the same.
    """
    if tried < 1 or first <= 0:
        return 0.0
    spread = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) / 2**32
    return min(first * 2.0 ** (min(tried, 30) - 1), LONGEST) * (0.5 + spread)
