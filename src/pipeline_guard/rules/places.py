"""Walks through the lines of a chunk on which a pattern may match, forwards or from the end.

The word found is followed from line to line. When many of its lines turn out to be something
else, the pattern itself is asked where to go on, since it errs less.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import re2

from pipeline_guard.rules.chunks import MAX_LINE, Slice
from pipeline_guard.rules.search import Found

_WORDS_MOST: Final = 12
"""Lines with a word that are looked at per slice, before the pattern is asked instead."""
_MATCHES_MOST: Final = 50
"""Lines found by the pattern that are looked at per slice; more would be a pattern that means
something else."""


def in_order(
    found: Sequence[tuple[Found, re2._Regexp]],
    piece: Slice,
    *,
    back: bool = False,
    trusted: bool = True,
) -> Iterator[int]:
    """Yield an offset in each line that may match, in order, or with `back` last line first.

    Each pattern found comes with what locates it; a line may come more than once. Where words
    are not `trusted`, the pattern is asked at once.
    """
    walk, looks = _backwards if back else _forwards, _WORDS_MOST if trusted else 0
    slices: dict[int, list[Iterator[int]]] = {}
    for one, locate in found:
        slices.setdefault(one.end, []).append(walk(one, piece, locate, looks))
    for end in sorted(slices, reverse=back):
        walks = slices[end]
        yield from walks[0] if len(walks) == 1 else _merged(walks, back=back)


def _merged(walks: list[Iterator[int]], *, back: bool) -> Iterator[int]:
    # All at once: a slice holds few lines that are looked at, and later ones cost nothing.
    return iter(sorted({offset for walk in walks for offset in walk}, reverse=back))


def _forwards(one: Found, piece: Slice, locate: re2._Regexp, looks: int) -> Iterator[int]:
    offset = one.at
    if one.word is not None:
        text = piece.text(fold=one.fold)
        for _ in range(looks):
            yield offset
            after = _after(piece, offset)
            offset = text.find(one.word, after, one.end)
            if offset < 0:
                return
    yield from islice(_matches(one, piece, locate, offset), _MATCHES_MOST)


def _backwards(one: Found, piece: Slice, locate: re2._Regexp, looks: int) -> Iterator[int]:
    if one.word is not None:
        text, before = piece.text(fold=one.fold), one.end
        for _ in range(looks):
            offset = text.rfind(one.word, one.at, before)
            if offset < 0:
                return
            yield offset
            near = max(0, offset - MAX_LINE // 2)
            before = max(near, text.rfind(b"\n", near, offset) + 1)
    yield from reversed(list(_matches(one, piece, locate, one.at))[-_MATCHES_MOST:])


def _matches(one: Found, piece: Slice, locate: re2._Regexp, offset: int) -> Iterator[int]:
    offset = max(0, piece.data.rfind(b"\n", max(0, offset - MAX_LINE), offset) + 1)
    while offset < one.end:
        match = locate.search(piece.scan, offset, one.end)
        if match is None:
            return
        yield match.start()
        offset = _after(piece, match.start()) + 1


def _after(piece: Slice, offset: int) -> int:
    """Give the line's end; in a line too long to be looked at whole, a stretch further on."""
    end = piece.data.find(b"\n", offset, offset + MAX_LINE)
    return end if end >= 0 else min(offset + MAX_LINE // 2, len(piece.data))
