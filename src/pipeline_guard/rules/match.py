"""Runs rules over a log as it streams by, and gives the lines they hit.

Every chunk of the log is searched once for all that any rule could be after. Only then is a rule
asked, line by line, and only for its first few hits: of a rule that goes on hitting, the last few
are looked for from the end, once for many chunks.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import Chunk
from pipeline_guard.logs.steps import StepTree
from pipeline_guard.rules.chunks import Slice, cleaned, without_columns
from pipeline_guard.rules.conditions import Facts, unmet
from pipeline_guard.rules.hits import RuleHit
from pipeline_guard.rules.load import RuleSet
from pipeline_guard.rules.places import walk
from pipeline_guard.rules.program import Program
from pipeline_guard.rules.ranking import rank
from pipeline_guard.search.engine import Search
from pipeline_guard.search.places import Places

__all__ = ["RuleHit", "Scanner", "rank"]

FIRST_HITS = 5
LAST_HITS = 3
_WINDOW = 16
"""Chunks, of 256 KB, kept until the last hits in them are looked for."""


@dataclass(frozen=True, slots=True)
class _Searched:
    """A chunk cleaned, and where in it which patterns may match."""

    piece: Slice
    places: Places
    base: int
    """Lines of the parts before this one, so that order holds over the whole log."""
    late: list[int] = field(default_factory=list)
    """Rules whose last hits may be in here."""


@dataclass(slots=True)
class _Seen:
    """What is known of one rule so far."""

    first: list[RuleHit] = field(default_factory=list)
    last: deque[RuleHit] = field(default_factory=lambda: deque(maxlen=LAST_HITS))
    """Hits behind the first, where there are any, but for those still to be found …"""
    waiting: list[tuple[_Searched, list[int]]] = field(default_factory=list)
    """… in these chunks, each with the rule's patterns that may match."""


class Scanner:
    """Scans one log. Feed it every chunk in order, then take all hits from `finish`."""

    def __init__(self, rules: RuleSet, *, platform: str | None = None) -> None:
        self._program: Program = rules.program
        self._search = Search(self._program.engine)
        self._facts = Facts(platform=platform)
        self._seen: dict[int, _Seen] = {}
        self._steps = StepTree() if any(r.where.step for r in rules.rules) else None
        self._piece: Slice | None = None
        self._base = 0
        self._window: deque[_Searched] = deque()

    def feed(self, chunk: Chunk) -> list[RuleHit]:
        """Scan a chunk; gives the hits newly located in it, whatever the rules' conditions."""
        if self._steps is not None:
            self._steps.feed(chunk)
        piece = cleaned(chunk)
        if chunk.part != self._facts.part:
            self._base, self._facts.part = self._last, chunk.part
        self._piece = piece
        done = _Searched(piece, self._search.places(piece.scan), self._base)
        fresh: list[RuleHit] = []
        for (rule, flag), patterns in self._grouped(done.places).items():
            if flag is None:
                self._note(rule, patterns, done, fresh)
            elif flag == "exit":
                self._note_exit(patterns, done)
            else:
                self._note_fact(rule, flag, patterns, done)
        self._window.append(done)
        if len(self._window) > _WINDOW:
            oldest = self._window.popleft()
            for rule in oldest.late:
                waiting = self._seen[rule].waiting
                # What a later chunk settled waits no longer, though it is listed here.
                if waiting and waiting[0][0] is oldest:
                    self._settle(rule)
        return fresh

    def finish(self) -> list[RuleHit]:
        """Give every hit that counts, in the order of the log: per rule the first and last few.

        Hits of one line come in the order of the rules.
        """
        return [hit for hit, condition in self.all_hits() if condition is None]

    def all_hits(self) -> list[tuple[RuleHit, str | None]]:
        """The same with those that do not count, each with the condition that is not met."""
        self._facts.last = self._last
        for rule in self._seen:
            self._settle(rule)
        return sorted(
            (
                (hit, unmet(self._program.rules[index], index, hit, self._facts, self._steps))
                for index, seen in sorted(self._seen.items(), key=lambda item: item[0])
                for hit in (*seen.first, *seen.last)
            ),
            key=lambda told: told[0].order,
        )

    @property
    def _last(self) -> int:
        """Lines so far, over all parts."""
        return self._base + (self._piece.last_line if self._piece else 0)

    def _grouped(self, places: Places) -> dict[tuple[int, str | None], list[int]]:
        grouped: dict[tuple[int, str | None], list[int]] = {}
        for pattern in places:
            probe = self._program.probes[pattern]
            if (probe.rule, probe.flag) not in self._facts.met:
                grouped.setdefault((probe.rule, probe.flag), []).append(pattern)
        return grouped

    def _note(self, rule: int, patterns: list[int], done: _Searched, fresh: list[RuleHit]) -> None:
        seen = self._seen.setdefault(rule, _Seen())
        known = len(seen.first)
        if known < FIRST_HITS:
            for hit in self._hits(rule, patterns, done):
                seen.first.append(hit)
                if len(seen.first) == FIRST_HITS:
                    break
            fresh += seen.first[known:]
        if len(seen.first) == FIRST_HITS:
            seen.waiting.append((done, patterns))
            done.late.append(rule)

    def _settle(self, rule: int) -> None:
        """Find a rule's last hits in the chunks that wait for it, the last chunk first."""
        seen, late = self._seen[rule], list[RuleHit]()
        for done, patterns in reversed(seen.waiting):
            for hit in self._hits(rule, patterns, done, back=True):
                if len(late) == LAST_HITS or hit.order <= seen.first[-1].order:
                    break
                late.append(hit)
            if len(late) == LAST_HITS:
                break
        seen.last.extend(reversed(late))
        seen.waiting.clear()

    def _note_exit(self, patterns: list[int], done: _Searched) -> None:
        for start, end, _, number in walk(done.places, patterns, done.piece, back=True):
            text = clean_line(done.piece.data[start:end])
            codes = [int(match.group(1)) for match in self._program.line(number).finditer(text)]
            if codes:
                self._facts.exit_code = codes[-1]
                return

    def _note_fact(self, rule: int, flag: str, patterns: list[int], done: _Searched) -> None:
        """A condition on the log is met by an exact line, as a hit is."""
        for start, end, _, number in walk(done.places, patterns, done.piece):
            text = clean_line(done.piece.data[start:end])
            if self._program.line(number).search(text) is not None:
                self._facts.met.add((rule, flag))
                return

    def _hits(
        self, rule: int, patterns: list[int], done: _Searched, *, back: bool = False
    ) -> Iterator[RuleHit]:
        check, asked = self._program.check(rule), self._program.rules[rule]
        may_match, piece = self._program.engine.may_match, done.piece
        data = piece.data
        first, last = 0, -1
        for start, end, offset, pattern in walk(done.places, patterns, piece, back=back):
            if first <= offset <= last:
                continue  # the line is a hit already
            raw = without_columns(data[start:end])
            text = clean_line(raw) if may_match(pattern, raw) else None
            captures = check.captures(text) if text is not None else None
            if text is None or captures is None:
                continue
            line = piece.line_at(offset)
            yield RuleHit(asked, line, piece.part, text, captures, done.base + line)
            first, last = data.rfind(b"\n", 0, offset) + 1, data.find(b"\n", offset)
