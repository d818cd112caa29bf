"""Reads a log's lines for adapters that must know how their platform's page counts them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PIECE: Final = 1 << 16


def beginnings(log: Path) -> Iterator[bytes]:
    """Give every line with its line break, or the first 64 KB of one as long as a log.

    Raises OSError.
    """
    begins = True
    with log.open("rb") as file:
        while piece := file.readline(_PIECE):
            if begins:
                yield piece
            begins = piece.endswith(b"\n")
