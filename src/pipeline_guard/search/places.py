"""Where in a piece of text patterns may match: a few places are known, the rest is asked for."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import re2

_BACK: Final = 1 << 12
"""Bytes from the end in which the last places are sought first; then in eight times as many."""


class Places:
    """Offsets by pattern, in order; every line that a pattern may match has at least one.

    Only where a pattern may match again and again is the text asked for the places behind the
    first few, and only as far as somebody wants to know them.
    """

    __slots__ = ("_known", "_locator", "_more", "scan")

    def __init__(self, scan: bytes, locator: Callable[[int], "re2._Regexp"]) -> None:
        self.scan = scan
        self._locator = locator
        self._known: dict[int, list[int]] = {}
        self._more: dict[int, int] = {}
        """From which offset on there may be more than what is known."""

    def __iter__(self) -> Iterator[int]:
        return iter(self._known)

    def add(self, pattern: int, offsets: list[int], *, more: bool = False) -> None:
        """Note places in order, all behind what `more` was said of; `more`: of many the first."""
        known = self._known.get(pattern)
        self._known[pattern] = offsets if known is None else sorted({*known, *offsets})
        if more:
            self._more[pattern] = min(offsets[-1], self._more.get(pattern, offsets[-1]))

    def is_open(self, pattern: int) -> bool:
        """Tell whether more places of a pattern are asked for when they are needed."""
        return pattern in self._more

    def among(self, patterns: Iterable[int], *, back: bool = False) -> Iterator[tuple[int, int]]:
        """Yield each place of these patterns with the pattern, in order, or the last one first."""
        ways = [self._backwards(one) if back else self._forwards(one) for one in patterns]
        return ways[0] if len(ways) == 1 else heapq.merge(*ways, reverse=back)

    def _forwards(self, pattern: int) -> Iterator[tuple[int, int]]:
        known, start = self._known.get(pattern, ()), self._more.get(pattern)
        for offset in known:
            if start is not None and offset > start:
                break
            yield offset, pattern
        if start is not None:
            line = self.scan.rfind(b"\n", 0, start) + 1
            for match in self._locator(pattern).finditer(self.scan, line):
                yield match.start(), pattern

    def _backwards(self, pattern: int) -> Iterator[tuple[int, int]]:
        known, start = self._known.get(pattern, ()), self._more.get(pattern)
        if start is not None:
            line, end, size = self.scan.rfind(b"\n", 0, start) + 1, len(self.scan), _BACK
            while end > line:
                begin = max(line, self.scan.rfind(b"\n", 0, max(end - size, 0)) + 1)
                matches = self._locator(pattern).finditer(self.scan, begin, end)
                for offset in reversed([match.start() for match in matches]):
                    yield offset, pattern
                end, size = begin, size * 8
        for offset in reversed(known):
            if start is None or offset <= start:
                yield offset, pattern
