"""Runs rules over a log as it streams by, and gives the lines they hit.

Every chunk of the log is searched once for all that any rule could be after. Only then is a rule
asked, line by line, and only for its first few hits: of a rule that goes on hitting, the last
few of each chunk are looked for from the chunk's end. A log that hits on every line therefore
costs hardly more than one that never does.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import Chunk
from pipeline_guard.logs.steps import StepTree
from pipeline_guard.rules.chunks import Slice, cleaned
from pipeline_guard.rules.conditions import Facts, holds
from pipeline_guard.rules.hits import RuleHit
from pipeline_guard.rules.load import RuleSet
from pipeline_guard.rules.places import in_order
from pipeline_guard.rules.program import Program
from pipeline_guard.rules.ranking import rank
from pipeline_guard.rules.search import Found, Search

__all__ = ["RuleHit", "Scanner", "rank"]

FIRST_HITS = 5
LAST_HITS = 3
_TRUSTED = 200
"""Lines after which a rule's words are no longer followed without asking its pattern first."""


@dataclass(slots=True)
class _Seen:
    """What is known of one rule so far."""

    first: list[RuleHit] = field(default_factory=list)
    last: deque[RuleHit] = field(default_factory=lambda: deque(maxlen=LAST_HITS))
    """Hits behind the first, where there are any."""


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

    def feed(self, chunk: Chunk) -> list[RuleHit]:
        """Scan a chunk; gives the hits newly located in it, whatever the rules' conditions."""
        if self._steps is not None:
            self._steps.feed(chunk)
        if chunk.part != self._facts.part:
            self._base, self._facts.part = self._facts.last, chunk.part
        piece = cleaned(chunk)
        self._facts.last = self._base + piece.first_line + piece.lines - 1
        fresh: list[RuleHit] = []
        for (rule, flag), found in self._grouped(piece).items():
            if flag is None:
                self._note(rule, found, piece, fresh)
            elif flag == "exit":
                self._note_exit(found, piece)
            else:
                self._note_fact(rule, flag, found, piece)
        return fresh

    def finish(self) -> list[RuleHit]:
        """Give every hit that counts, in the order of the log: per rule the first and last few."""
        return sorted(
            (
                hit
                for index, seen in self._seen.items()
                for hit in (*seen.first, *seen.last)
                if holds(self._program.rules[index], index, hit, self._facts, self._steps)
            ),
            key=lambda hit: hit.order,
        )

    def _grouped(self, piece: Slice) -> dict[tuple[int, str | None], list[Found]]:
        grouped: dict[tuple[int, str | None], list[Found]] = {}
        for one in self._search.found(piece.scan):
            probe = self._program.probes[one.pattern]
            if (probe.rule, probe.flag) not in self._facts.met:
                grouped.setdefault((probe.rule, probe.flag), []).append(one)
        return grouped

    def _note(self, rule: int, found: list[Found], piece: Slice, fresh: list[RuleHit]) -> None:
        seen = self._seen.setdefault(rule, _Seen())
        known = len(seen.first)
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

    def _note_exit(self, found: list[Found], piece: Slice) -> None:
        pattern = self._program.line(found[0].pattern)
        for start, end, _ in self._lines(found, piece, back=True):
            codes = [int(m.group(1)) for m in pattern.finditer(clean_line(piece.data[start:end]))]
            if codes:
                self._facts.exit_code = codes[-1]
                return

    def _note_fact(self, rule: int, flag: str, found: list[Found], piece: Slice) -> None:
        """A condition on the log is met by an exact line, as a hit is."""
        patterns = [self._program.line(number) for number in {one.pattern for one in found}]
        for start, end, _ in self._lines(found, piece):
            text = clean_line(piece.data[start:end])
            if any(pattern.search(text) is not None for pattern in patterns):
                self._facts.met.add((rule, flag))
                return

    def _hits(
        self, rule: int, found: list[Found], piece: Slice, *, back: bool = False
    ) -> Iterator[RuleHit]:
        check, asked = self._program.check(rule), self._program.rules[rule]
        trusted = self._misses[rule] < _TRUSTED
        for start, end, offset in self._lines(found, piece, back=back, trusted=trusted):
            text = clean_line(piece.data[start:end])
            captures = check.captures(text)
            if captures is not None:
                line = piece.line_at(offset)
                yield RuleHit(asked, line, piece.part, text, captures, self._base + line)
            else:
                self._misses[rule] += 1

    def _lines(
        self, found: list[Found], piece: Slice, *, back: bool = False, trusted: bool = True
    ) -> Iterator[tuple[int, int, int]]:
        """Yield start and end of each line that may match, once, and an offset in it."""
        located = [(one, self._program.locator(one.pattern)) for one in found]
        before = (-1, -1)
        for offset in in_order(located, piece, back=back, trusted=trusted):
            bounds = piece.bounds(offset)
            if bounds != before:
                before = bounds
                yield *bounds, offset
