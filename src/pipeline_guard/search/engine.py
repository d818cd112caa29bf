"""Searches text for everything that any of many patterns could be after, all at once.

Nearly every pattern has words it cannot do without, and these are what is looked for. Where there
are none, or they turn out to mislead, the pattern's narrow stretches are; where these mislead, too,
the pattern whole. Each is rarer in a log than the one before, and slower to look for. Hyperscan
looks for all of it in one pass, whose speed hardly depends on how many words it is. Where there is
no Hyperscan, or it refuses this processor, RE2's automaton does the same, slower.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from itertools import islice, pairwise
from typing import Any, Final

import re2

from pipeline_guard.search.fragments import branches
from pipeline_guard.search.literals import literals
from pipeline_guard.search.patterns import LINE_START, for_scan, for_stream, scan_options
from pipeline_guard.search.places import Places

try:
    import hyperscan
except ImportError:  # no wheel for this platform
    hyperscan = None  # type: ignore[assignment]

SET_MEMORY: Final = 256 << 20
"""Upper bound of the automaton's memory, not what it usually takes; RE2's default of 8 MB refuses
2,000 rules."""
LOCATE_MEMORY: Final = 8 << 20
SLICE_BYTES: Final = 1 << 15
"""What RE2's automaton is given at a time: it tells which patterns are there, but not where."""
_SLOW_START: Final = 16 << 20
"""Bytes after which compiling more than words for Hyperscan (0.3 s) pays."""
_MISLED: Final = 1.0
"""Lines a megabyte looked at in vain for a pattern, from which on something rarer is looked for."""
_PATIENCE: Final = 20_000
"""Lines looked at in vain, 4 us each, after which it pays to compile anew."""
_CROWD: Final = 32
"""Places kept of one thing in one piece of text; what comes behind them is asked for if need be."""

_NOT_PLAIN: Final = re.compile(rb"[^A-Za-z0-9 ]")
_LEAD: Final = re.compile(rb"^(?:[^\w\\(\[\]^$.|?*+){}]|\\[^\w])?\\d\+")
_BEFORE_TEXT: Final = rb"[\n\t\d\-TZ:., OE+\])|\xbf]"
"""A line break, or what LINE_START may end with."""


class _Way(Enum):
    """What of a pattern is looked for."""

    WORDS = auto()
    STRETCHES = auto()
    WHOLE = auto()


_RARER: Final = dict(pairwise([*_Way, _Way.WHOLE]))
"""What is looked for of a pattern when that misled."""


class _Source:
    """One thing to look for, on behalf of numbered patterns; with `once`, its first place only."""

    __slots__ = ("expression", "fold", "once", "owners")

    def __init__(self, expression: bytes, *, fold: bool, once: bool) -> None:
        self.expression = expression
        self.fold = fold
        self.once = once
        self.owners: list[int] = []

    @property
    def flags(self) -> int:
        """Hyperscan's."""
        flags = int(hyperscan.HS_FLAG_ALLOWEMPTY)
        flags |= hyperscan.HS_FLAG_CASELESS if self.fold else 0
        return flags | (hyperscan.HS_FLAG_SINGLEMATCH if self.once else 0)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """Hyperscan's database, and what it looks for."""

    database: Any
    sources: tuple[_Source, ...]


class Engine:
    """The compiled search; safe to share between threads, unlike the searches it gives.

    Of the patterns numbered in `once` mostly one place in a piece of text is enough to know.
    """

    def __init__(self, patterns: Sequence[str], once: Container[int] = ()) -> None:
        self.patterns = tuple(patterns)
        self._once = once
        self.seen = 0
        """Bytes searched so far, whoever searched them."""
        self._locators: dict[int, re2._Regexp] = {}
        self._singles: dict[int, re2.Set] = {}
        self._words = [literals(pattern) for pattern in patterns]
        self._ways = [_Way.WORDS if told else _Way.STRETCHES for told in self._words]
        self._best: _Compiled | None = None
        self._misled: Counter[int] = Counter()
        """Lines looked at in vain since the last compilation, by pattern."""
        self._since = 0
        """Bytes searched before it."""
        self._vain, self._due = 0, 0
        """Lines looked at in vain since the last compilation, and at how many the next is due."""

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
        may = single.Match(line.replace(b"\r", b"\n") if b"\r" in line else line) is not None
        if not may:
            self._misled[pattern] += 1
            self._vain += 1
        return may

    def best(self) -> _Compiled | None:
        """Give Hyperscan's database for the text to come; None where it refuses.

        What has misled until now decides how it is searched, never what is found.
        """
        if self.seen <= _SLOW_START:
            return None
        if self._vain >= self._due:
            # What misleads as a whole, too, must not have it compiled again and again.
            self._vain, self._due = 0, max(_PATIENCE, 2 * self._due)
            enough = max(1.0, _MISLED * (self.seen - self._since) / 1e6)
            # Other threads go on counting meanwhile, so no Counter is walked through.
            misled, self._misled = self._misled, Counter()
            for number in range(len(self.patterns)):
                if misled[number] >= enough:
                    self._ways[number] = _RARER[self._ways[number]]
            self._since = self.seen
            self._best = _compiled(self._sources()) or self._best
        return self._best

    @cached_property
    def quick(self) -> _Compiled | None:
        """Hyperscan's database of the words alone; None where it refuses."""
        return _compiled(self._sources(words_alone=True))

    def _sources(self, *, words_alone: bool = False) -> tuple[_Source, ...]:
        found: dict[tuple[bytes, bool, bool], _Source] = {}
        for number, told in enumerate(self._words):
            fold, once = False, number in self._once
            if told is not None and (words_alone or self._ways[number] is _Way.WORDS):
                fold = told.fold
                sought = [_escaped(word) for word in told.words]
            elif words_alone:
                continue
            else:
                sought = [_for_hyperscan(text) for text in self._texts(number)]
            for expression in sought:
                new = _Source(expression, fold=fold, once=once)
                found.setdefault((expression, fold, once), new).owners.append(number)
        return tuple(found.values())

    def _texts(self, number: int) -> tuple[bytes, ...]:
        pattern = self.patterns[number]
        if self._ways[number] is _Way.WHOLE:
            return tuple(for_scan(branch) for branch in branches(pattern))
        return for_stream(pattern)

    @cached_property
    def rest(self) -> "_Automaton":
        """RE2's automaton of the patterns without words."""
        return _Automaton(self.patterns, [n for n, told in enumerate(self._words) if told is None])

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
        self._scratch: tuple[Any, Any] = (None, None)

    def places(self, scan: bytes) -> Places:
        """Say where in whole lines of text, free of carriage returns, which patterns may match."""
        engine = self._engine
        engine.seen += len(scan)
        found = Places(scan, engine.locator)
        best = engine.best()
        if best is not None:
            self._scan(best, found)
        elif engine.quick is not None:
            self._scan(engine.quick, found)
            self._match(engine.rest, found)
        else:
            self._match(engine.everything, found)
        return found

    def _scan(self, compiled: _Compiled, found: Places) -> None:
        ends: defaultdict[int, list[int]] = defaultdict(list)

        def note(source: int, _start: int, end: int, _flags: int, _context: object) -> None:
            ends[source].append(end)

        database, scratch = self._scratch
        if database is not compiled.database:
            scratch = hyperscan.Scratch(compiled.database)
            self._scratch = compiled.database, scratch
        # The line break lets what must begin a line begin the data, too.
        compiled.database.scan(b"\n" + found.scan, match_event_handler=note, scratch=scratch)
        for source, where in ends.items():
            # The last byte found is on the right line, whatever came before it.
            offsets = [max(end - 2, 0) for end in where[:_CROWD]]
            told = compiled.sources[source]
            for owner in told.owners:
                found.add(owner, offsets, more=told.once or len(offsets) == _CROWD)

    def _match(self, automaton: "_Automaton", found: Places) -> None:
        scan, start = found.scan, 0
        while start < len(scan):
            end = scan.rfind(b"\n", start, start + SLICE_BYTES) + 1
            if end <= start:
                end = scan.find(b"\n", start) + 1 or len(scan)
            for pattern in automaton.match(scan[start:end]):
                if found.is_open(pattern):
                    continue
                matches = self._engine.locator(pattern).finditer(scan, start, end)
                offsets = [match.start() for match in islice(matches, _CROWD)]
                found.add(pattern, offsets, more=len(offsets) == _CROWD)
            start = end


def _escaped(word: bytes) -> bytes:
    return _NOT_PLAIN.sub(lambda found: b"\\x%02x" % ord(found[0]), word)


def _for_hyperscan(text: bytes) -> bytes:
    """Ask at a line's start only for the one byte before it, which costs Hyperscan nothing.

    Of a number in front only the last digit is asked for: of several expressions that begin with a
    sign and a number Hyperscan (5.4.12) passes over matches of one or the other.
    """
    return _LEAD.sub(rb"\\d", text.replace(LINE_START.encode(), _BEFORE_TEXT))


def _compiled(sources: tuple[_Source, ...]) -> _Compiled | None:
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
    return _Compiled(database, sources)


def _automaton(stretches: Sequence[bytes], max_mem: int) -> re2.Set:
    automaton = re2.Set.SearchSet(scan_options(max_mem))
    for stretch in stretches:
        automaton.Add(stretch)
    automaton.Compile()
    return automaton
