"""Runs rules over a log as it streams by, and gives the lines they hit.

Every chunk of the log is searched once for all that any rule could be after. Only then is a rule
asked, line by line, and only for its first few hits: of a rule that goes on hitting, the last
few of each chunk are looked for from the chunk's end. A log that hits on every line is slower to
search by an order of magnitude, but still in time linear in its size.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import Chunk
from pipeline_guard.logs.steps import StepTree
from pipeline_guard.rules.chunks import Slice, cleaned, without_columns
from pipeline_guard.rules.conditions import Facts, holds
from pipeline_guard.rules.hits import RuleHit
from pipeline_guard.rules.load import RuleSet
from pipeline_guard.rules.places import walk
from pipeline_guard.rules.program import Program
from pipeline_guard.rules.ranking import rank
from pipeline_guard.search.engine import Places, Search

__all__ = ["RuleHit", "Scanner", "rank"]

FIRST_HITS = 5
LAST_HITS = 3
_TRUSTED = 200
"""Lines looked at in vain after which a rule's words are no longer followed blindly, …"""
_FEW = 200
"""… unless a chunk holds so few that asking the pattern for all of the chunk costs more."""


@dataclass(slots=True)
class _Seen:
    """What is known of one rule so far."""

    first: list[RuleHit] = field(default_factory=list)
    last: deque[RuleHit] = field(default_factory=lambda: deque(maxlen=LAST_HITS))
    """Hits behind the first, where there are any."""


@dataclass(frozen=True, slots=True)
class Searched:
    """A chunk cleaned, and where in it which patterns may match."""

    piece: Slice
    places: Places


class Scanner:
    """Scans one log. Feed it every chunk in order, then take all hits from `finish`."""

    def __init__(self, rules: RuleSet, *, platform: str | None = None) -> None:
        self._program: Program = rules.program
        self._search = Search(self._program.engine)
        self._facts = Facts(platform=platform)
        self._seen: dict[int, _Seen] = {}
        self._misses: Counter[int] = Counter()
        """Lines that a rule was asked about in vain."""
        self._steps = StepTree() if any(r.where.step for r in rules.rules) else None
        self._base = 0
        """Lines of the parts before this one, so that order holds over the whole log."""

    def search(self, chunk: Chunk) -> Searched:
        """Do the part of the scan that looks at nothing but the chunk.

        It may run in another thread than `feed`, a chunk ahead of it: Hyperscan holds no lock.
        """
        piece = cleaned(chunk)
        return Searched(piece, self._search.places(piece.scan))

    def feed(self, chunk: Chunk, searched: Searched | None = None) -> list[RuleHit]:
        """Scan a chunk; gives the hits newly located in it, whatever the rules' conditions."""
        if self._steps is not None:
            self._steps.feed(chunk)
        if chunk.part != self._facts.part:
            self._base, self._facts.part = self._facts.last, chunk.part
        done = searched or self.search(chunk)
        piece = done.piece
        self._facts.last = self._base + piece.first_line + piece.lines - 1
        fresh: list[RuleHit] = []
        for (rule, flag), found in self._grouped(done.places).items():
            if flag is None:
                self._note(rule, found, piece, fresh)
            elif flag == "exit":
                self._note_exit(found, piece)
            else:
                self._note_fact(rule, flag, found, piece)
        return fresh

    def finish(self) -> list[RuleHit]:
        """Give every hit that counts, in the order of the log: per rule the first and last few.

        Hits of one line come in the order of the rules.
        """
        return sorted(
            (
                hit
                for index, seen in sorted(self._seen.items(), key=lambda item: item[0])
                for hit in (*seen.first, *seen.last)
                if holds(self._program.rules[index], index, hit, self._facts, self._steps)
            ),
            key=lambda hit: hit.order,
        )

    def _grouped(self, places: Places) -> dict[tuple[int, str | None], Places]:
        grouped: dict[tuple[int, str | None], Places] = {}
        for pattern, offsets in places.items():
            probe = self._program.probes[pattern]
            if (probe.rule, probe.flag) not in self._facts.met:
                grouped.setdefault((probe.rule, probe.flag), {})[pattern] = offsets
        return grouped

    def _note(self, rule: int, found: Places, piece: Slice, fresh: list[RuleHit]) -> None:
        seen = self._seen.setdefault(rule, _Seen())
        known = len(seen.first)
        found = self._narrowed(rule, found, piece)
        if known < FIRST_HITS:
            for hit in self._hits(rule, found, piece):
                seen.first.append(hit)
                if len(seen.first) == FIRST_HITS:
                    break
            fresh += seen.first[known:]
        if len(seen.first) < FIRST_HITS:
            return
        late: list[RuleHit] = []
        for hit in self._hits(rule, found, piece, back=True):
            if len(late) == LAST_HITS or hit.order <= seen.first[-1].order:
                break
            late.append(hit)
        seen.last.extend(reversed(late))

    def _note_exit(self, found: Places, piece: Slice) -> None:
        for start, end, _, number in walk(found, piece, back=True):
            text = clean_line(piece.data[start:end])
            codes = [int(match.group(1)) for match in self._program.line(number).finditer(text)]
            if codes:
                self._facts.exit_code = codes[-1]
                return

    def _note_fact(self, rule: int, flag: str, found: Places, piece: Slice) -> None:
        """A condition on the log is met by an exact line, as a hit is."""
        for start, end, _, number in walk(found, piece):
            text = clean_line(piece.data[start:end])
            if self._program.line(number).search(text) is not None:
                self._facts.met.add((rule, flag))
                return

    def _narrowed(self, rule: int, found: Places, piece: Slice) -> Places:
        """Where to look; a rule whose words have misled often is asked itself, as it errs less."""
        if self._misses[rule] < _TRUSTED or sum(map(len, found.values())) < _FEW:
            return found
        scan = piece.scan
        locators = {number: self._program.engine.locator(number) for number in found}
        return {n: [m.start() for m in one.finditer(scan)] for n, one in locators.items()}

    def _hits(
        self, rule: int, found: Places, piece: Slice, *, back: bool = False
    ) -> Iterator[RuleHit]:
        check, asked = self._program.check(rule), self._program.rules[rule]
        may_match, data = self._program.engine.may_match, piece.data
        first, last = 0, -1
        for start, end, offset, pattern in walk(found, piece, back=back):
            if first <= offset <= last:
                continue  # the line is a hit already
            raw = without_columns(data[start:end])
            text = clean_line(raw) if may_match(pattern, raw) else None
            captures = check.captures(text) if text is not None else None
            if text is None or captures is None:
                self._misses[rule] += 1
                continue
            line = piece.line_at(offset)
            yield RuleHit(asked, line, piece.part, text, captures, self._base + line)
            first, last = data.rfind(b"\n", 0, offset) + 1, data.find(b"\n", offset)
