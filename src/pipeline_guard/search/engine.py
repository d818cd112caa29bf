"""Searches text for everything that any of many patterns could be after, all at once.

Nearly every pattern has words it cannot do without: these are what is looked for, and of the few
patterns without such a word a stretch of theirs. Hyperscan looks for all of it in one pass, whose
speed hardly depends on how much it is. Where there is no Hyperscan, or it refuses this processor,
RE2's automaton does the same, slower.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Final

import re2

from pipeline_guard.search.literals import literals
from pipeline_guard.search.patterns import LINE_START, for_scan, for_stream, scan_options

try:
    import hyperscan
except ImportError:  # no wheel for this platform
    hyperscan = None  # type: ignore[assignment]

SET_MEMORY: Final = 256 << 20
"""Upper bound of the automaton's memory, not what it usually takes; RE2's default of 8 MB refuses
2,000 rules."""
LOCATE_MEMORY: Final = 8 << 20
_LEAST: Final = 5
"""Bytes of a word worth looking for; what stands in every other line leads nowhere."""
SLICE_BYTES: Final = 1 << 15
"""What RE2's automaton is given at a time: it tells which patterns are there, but not where."""
_SLOW_START: Final = 16 << 20
"""Bytes after which compiling the stretches for Hyperscan, too (0.2 s), pays."""

_BEFORE_TEXT: Final = rb"[\n\d\-TZ:., OE+\])|\xbf]"
"""A line break, or what LINE_START may end with."""

_APART: Final = 1 << 10
"""Bytes between two places that are kept of one thing in one line."""

Places = dict[int, list[int]]
"""By pattern: offsets, in order, one in each line of the data that the pattern may match."""


class _Source:
    """One thing to look for, on behalf of numbered patterns."""

    __slots__ = ("expression", "fold", "owners")

    def __init__(self, expression: bytes, *, fold: bool = False) -> None:
        self.expression = expression
        self.fold = fold
        self.owners: list[int] = []

    @property
    def flags(self) -> int:
        """Hyperscan's."""
        caseless: int = hyperscan.HS_FLAG_CASELESS if self.fold else 0
        return caseless | int(hyperscan.HS_FLAG_ALLOWEMPTY)


class Engine:
    """The compiled search; safe to share between threads, unlike the searches it gives."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = tuple(patterns)
        self.seen = 0
        """Bytes searched so far, whoever searched them."""
        self._locators: dict[int, re2._Regexp] = {}
        self._singles: dict[int, re2.Set] = {}
        sources: dict[tuple[bytes, bool], _Source] = {}
        self._rest: list[int] = []
        for number, pattern in enumerate(patterns):
            told = literals(pattern, _LEAST)
            if told is None:
                self._rest.append(number)
            for word in told.words if told else ():
                key = (word, told.fold if told else False)
                one = sources.setdefault(key, _Source(_escaped(word), fold=key[1]))
                one.owners.append(number)
        self.words = tuple(sources.values())

    def locator(self, pattern: int) -> re2._Regexp:
        """Give what finds the lines of a chunk that a pattern may match."""
        if pattern not in self._locators:
            options = scan_options(LOCATE_MEMORY)
            self._locators[pattern] = re2.compile(for_scan(self.patterns[pattern]), options)
        return self._locators[pattern]

    def may_match(self, pattern: int, line: bytes) -> bool:
        """Tell whether a pattern may match in a raw line; quicker than to clean the line."""
        single = self._singles.get(pattern)
        if single is None:
            single = self._singles[pattern] = _automaton(
                [for_scan(self.patterns[pattern])], LOCATE_MEMORY
            )
        return single.Match(line.replace(b"\r", b"\n") if b"\r" in line else line) is not None

    @cached_property
    def stretches(self) -> tuple[_Source, ...]:
        """What to look for on behalf of the patterns without words."""
        found: dict[bytes, _Source] = {}
        for number in self._rest:
            for text in for_stream(self.patterns[number]):
                one = found.setdefault(text, _Source(_behind_any_prefix(text)))
                one.owners.append(number)
        return tuple(found.values())

    @cached_property
    def quick(self) -> Any:
        """Hyperscan's database of the words alone; None where it refuses."""
        return _database(self.words)

    @cached_property
    def whole(self) -> Any:
        """Hyperscan's database of words and stretches; None where it refuses."""
        return _database((*self.words, *self.stretches))

    @cached_property
    def rest(self) -> "_Automaton":
        """RE2's automaton of the patterns without words."""
        return _Automaton(self.patterns, self._rest)

    @cached_property
    def everything(self) -> "_Automaton":
        """RE2's automaton of all patterns."""
        return _Automaton(self.patterns, range(len(self.patterns)))


class _Automaton:
    """RE2's search for stretches of patterns: tells which are there, but not where."""

    def __init__(self, patterns: Sequence[str], numbers: Iterable[int]) -> None:
        told = [(stretch, n) for n in numbers for stretch in for_stream(patterns[n])]
        self._owners = [number for _, number in told]
        self._set = _automaton([stretch for stretch, _ in told], SET_MEMORY) if told else None

    def match(self, data: bytes) -> set[int]:
        """Give the numbers of the patterns that may match somewhere in the data."""
        if self._set is None:
            return set()
        return {self._owners[index] for index in self._set.Match(data) or ()}


class Search:
    """Searches one text, piece by piece."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._scratches: dict[int, Any] = {}

    def places(self, scan: bytes) -> Places:
        """Say where in whole lines of text, free of carriage returns, which patterns may match."""
        engine = self._engine
        engine.seen += len(scan)
        if engine.seen > _SLOW_START and engine.whole is not None:
            return self._scan(engine.whole, (*engine.words, *engine.stretches), scan)
        if engine.quick is None:
            return self._match(engine.everything, scan)
        return self._scan(engine.quick, engine.words, scan) | self._match(engine.rest, scan)

    def _scan(self, database: Any, sources: Sequence[_Source], data: bytes) -> Places:
        ends: dict[int, list[int]] = {}

        def note(source: int, _start: int, end: int, _flags: int, _context: object) -> None:
            known = ends.get(source)
            if known is None:
                ends[source] = [end]
            elif end - known[-1] > _APART or data.find(b"\n", known[-1] - 1, end - 1) >= 0:
                known.append(end)

        scratch = self._scratches.get(id(database))
        if scratch is None:
            scratch = self._scratches[id(database)] = hyperscan.Scratch(database)
        # The line break lets what must begin a line begin the data, too.
        database.scan(b"\n" + data, match_event_handler=note, scratch=scratch)
        found: Places = {}
        for source, where in ends.items():
            # The last byte found is on the right line, whatever came before it.
            offsets = [max(end - 2, 0) for end in where]
            for owner in sources[source].owners:
                found[owner] = sorted({*found[owner], *offsets}) if owner in found else offsets
        return found

    def _match(self, automaton: "_Automaton", scan: bytes) -> Places:
        found: Places = {}
        start = 0
        while start < len(scan):
            end = scan.rfind(b"\n", start, start + SLICE_BYTES) + 1
            if end <= start:
                end = scan.find(b"\n", start) + 1 or len(scan)
            for pattern in automaton.match(scan[start:end]):
                matches = self._engine.locator(pattern).finditer(scan, start, end)
                found.setdefault(pattern, []).extend(match.start() for match in matches)
            start = end
        return found


def _escaped(word: bytes) -> bytes:
    return b"".join(
        bytes((byte,)) if byte < 128 and chr(byte).isalnum() else b"\\x%02x" % byte for byte in word
    )


def _behind_any_prefix(stretch: bytes) -> bytes:
    """Ask at a line's start only for the one byte before it, which costs Hyperscan nothing."""
    return stretch.replace(LINE_START.encode(), _BEFORE_TEXT)


def _database(sources: Sequence[_Source]) -> Any:
    if hyperscan is None or not sources:
        return None
    try:
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[source.expression for source in sources],
            ids=list(range(len(sources))),
            elements=len(sources),
            flags=[source.flags for source in sources],
        )
    except hyperscan.error:
        return None
    return database


def _automaton(stretches: Sequence[bytes], max_mem: int) -> re2.Set:
    automaton = re2.Set.SearchSet(scan_options(max_mem))
    for stretch in stretches:
        automaton.Add(stretch)
    automaton.Compile()
    return automaton
