"""Searches cleaned chunks of a log for everything that any rule could be after, all at once.

Nearly every pattern has words it cannot do without: these are looked for by Hyperscan's literal
search, whose speed hardly depends on how many they are. The few patterns without such a word are
looked for as they are. Where there is no Hyperscan, RE2's automaton looks for all of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Final

import re2

from pipeline_guard.rules.literals import literals
from pipeline_guard.rules.patterns import for_stream, scan_options

try:
    import hyperscan
except ImportError:  # no wheel for this platform
    hyperscan = None  # type: ignore[assignment]

SET_MEMORY: Final = 256 << 20
"""Upper bound of the automaton's memory, not what it usually takes; RE2's default of 8 MB refuses
2,000 rules."""
_LEAST: Final = 5
"""Bytes of a word worth looking for; what stands in every other line saves nothing."""
SLICE_BYTES: Final = 1 << 15
"""Small enough that finding a place inside a slice is cheap, large enough that calls do not count.
"""
_SLOW_START: Final = 16 << 20
"""Bytes after which compiling the rest for Hyperscan (0.2 s) pays."""


@dataclass(frozen=True, slots=True)
class Found:
    """One pattern that may match in a slice of the chunk: at its word's first place, or later."""

    pattern: int
    at: int
    end: int
    word: bytes | None = None
    fold: bool = False


@dataclass(slots=True)
class Wanted:
    """What to look for on behalf of numbered patterns; shared by all searches."""

    words: dict[tuple[bytes, bool], list[int]] = field(default_factory=dict)
    rest: dict[bytes, list[int]] = field(default_factory=dict)
    seen: int = 0
    """Bytes searched so far."""

    @classmethod
    def of(cls, patterns: Iterable[str]) -> "Wanted":
        """Take accepted patterns, numbered from 0."""
        found = cls()
        for number, pattern in enumerate(patterns):
            told = literals(pattern, _LEAST) if _hyperscan_works() else None
            for word in told.words if told else ():
                found.words.setdefault((word, told.fold if told else False), []).append(number)
            for source in () if told else for_stream(pattern):
                found.rest.setdefault(source, []).append(number)
        return found


class Engine:
    """The compiled search; safe to share between threads, unlike the searches it gives."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = Wanted.of(patterns)
        self.words = tuple(self.patterns.words.items())
        self.rest = tuple(self.patterns.rest.items())

    @cached_property
    def word_database(self) -> Any:
        """Hyperscan's database of the words."""
        flags = [
            hyperscan.HS_FLAG_SINGLEMATCH | (hyperscan.HS_FLAG_CASELESS if fold else 0)
            for (_, fold), _ in self.words
        ]
        return _database([word for (word, _), _ in self.words], flags, literal=True)

    @cached_property
    def rest_database(self) -> Any:
        """Hyperscan's database of the rest; None where it cannot read a pattern of them."""
        flags = [hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY] * len(self.rest)
        try:
            return _database([source for source, _ in self.rest], flags)
        except hyperscan.error:
            return None

    @cached_property
    def automaton(self) -> re2.Set:
        """RE2's automaton of the rest."""
        automaton = re2.Set.SearchSet(scan_options(SET_MEMORY))
        for source, _ in self.rest:
            automaton.Add(source)
        automaton.Compile()
        return automaton


class Search:
    """Searches the chunks of one log."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._scratches: dict[int, Any] = {}

    def found(self, data: bytes) -> list[Found]:
        """Name the patterns that may match in `data`, slice by slice."""
        self._engine.patterns.seen += len(data)
        found: list[Found] = []
        start = 0
        while start < len(data):
            end = data.rfind(b"\n", start, start + SLICE_BYTES) + 1
            if end <= start:
                end = data.find(b"\n", start) + 1 or len(data)
            found += self._in_slice(data[start:end], start, end)
            start = end
        return found

    def _in_slice(self, data: bytes, start: int, end: int) -> Iterator[Found]:
        engine = self._engine
        if engine.words:
            for source, after in self._scan(engine.word_database, data):
                (word, fold), owners = engine.words[source]
                at = start + after - len(word)
                for owner in owners:
                    yield Found(owner, at, end, word, fold)
        if engine.rest:
            for owner in {o for source in self._rest(data) for o in engine.rest[source][1]}:
                yield Found(owner, start, end)

    def _rest(self, data: bytes) -> Iterable[int]:
        engine = self._engine
        if hyperscan is not None and engine.patterns.seen > _SLOW_START:
            database = engine.rest_database
            if database is not None:
                return [source for source, _ in self._scan(database, data)]
        return engine.automaton.Match(data) or ()

    def _scan(self, database: Any, data: bytes) -> list[tuple[int, int]]:
        """Give each source that is in `data` and where it first ends."""
        met: list[tuple[int, int]] = []

        def note(source: int, _start: int, end: int, _flags: int, _context: object) -> None:
            met.append((source, end))

        scratch = self._scratches.get(id(database))
        if scratch is None:
            scratch = self._scratches[id(database)] = hyperscan.Scratch(database)
        database.scan(data, match_event_handler=note, scratch=scratch)
        return met


def _hyperscan_works() -> bool:
    return hyperscan is not None and _compiles(hyperscan)


@cache
def _compiles(engine: Any) -> bool:
    """Hyperscan refuses to compile anything on a processor without SSSE3 or what it needs."""
    try:
        _database([b"probe"], [0])
    except engine.error:
        return False
    return True


def _database(sources: list[bytes], flags: list[int], *, literal: bool = False) -> Any:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=sources,
        ids=list(range(len(sources))),
        elements=len(sources),
        flags=flags,
        literal=literal,
    )
    return database
