"""Walks through the lines of a chunk on which patterns may match, forwards or from the end."""

from collections.abc import Iterable, Iterator

from pipeline_guard.rules.chunks import MAX_LINE, Slice
from pipeline_guard.search.places import Places

_STRIDE = MAX_LINE // 4
"""Bytes between two looks at one line that is too long to be looked at whole."""


def walk(
    places: Places, patterns: Iterable[int], piece: Slice, *, back: bool = False
) -> Iterator[tuple[int, int, int, int]]:
    """Yield start and end of a line, an offset in it, and a pattern that may match there.

    In order, or with `back` the last line first; a line comes once for each of its patterns. Of a
    line longer than MAX_LINE comes what is near the offset, as often as it takes to see all of it.
    """
    start, end, told = 0, -1, dict[int, int]()
    for offset, pattern in places.among(patterns, back=back):
        inside, long = start <= offset < end, end - start >= MAX_LINE
        if inside and pattern in told and not (long and abs(offset - told[pattern]) >= _STRIDE):
            continue
        if not inside or long:
            start, end = piece.bounds(offset)
        if not inside:
            told.clear()
        told[pattern] = offset
        yield start, end, offset, pattern
