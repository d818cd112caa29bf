"""Runs rules over a log as it streams by, and gives the lines they hit.

One automaton reads every slice of the log once and names the rules that hit in it. Only then is a
hit looked for inside the slice, and only for the first few hits of a rule: of a rule that goes on
hitting, the last two slices are kept and looked into at the end. A log that hits on every line
therefore costs hardly more than one that never does.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import Chunk
from pipeline_guard.logs.steps import StepTree
from pipeline_guard.rules.chunks import Slice, slices
from pipeline_guard.rules.conditions import Facts, exit_code_in, holds
from pipeline_guard.rules.hits import RuleHit
from pipeline_guard.rules.load import RuleSet
from pipeline_guard.rules.program import Probe, Program
from pipeline_guard.rules.ranking import rank

__all__ = ["RuleHit", "Scanner", "rank"]

FIRST_HITS = 5
LAST_HITS = 3
_MAX_CHECKS = 50
"""Lines checked exactly per probe and slice; more would be a pattern that means something else."""
_MAX_LINE = 1 << 14
"""Bytes of one line that are looked at around a hit."""


@dataclass(slots=True)
class _Seen:
    """What is known of one rule so far."""

    first: list[RuleHit] = field(default_factory=list)
    late: deque[tuple[Slice, int, int]] = field(default_factory=lambda: deque(maxlen=2))


class Scanner:
    """Scans one log. Feed it every chunk in order, then take all hits from `finish`."""

    def __init__(self, rules: RuleSet, *, platform: str | None = None) -> None:
        self._program: Program = rules.program
        self._facts = Facts(platform=platform)
        self._seen: dict[int, _Seen] = {}
        self._steps = StepTree() if any(r.where.step for r in rules.rules) else None
        self._base = 0
        """Lines of the parts before this one, so that order holds over the whole log."""

    def feed(self, chunk: Chunk) -> list[RuleHit]:
        """Scan a chunk; gives the hits newly located in it, whatever the rules' conditions."""
        if self._steps is not None:
            self._steps.feed(chunk)
        if chunk.part != self._facts.part:
            self._base, self._facts.part = self._facts.last, chunk.part
        fresh: list[RuleHit] = []
        for piece in slices(chunk):
            self._facts.last = self._base + piece.first_line + piece.lines - 1
            for probe in self._program.probes_in(piece.scan):
                self._note(probe, piece, fresh)
        return fresh

    def finish(self) -> list[RuleHit]:
        """Give every hit that counts, in the order of the log: per rule the first and last few."""
        hits: list[RuleHit] = []
        for index, seen in self._seen.items():
            found = {hit.order: hit for hit in seen.first}
            for piece, probe, base in seen.late:
                found.update((hit.order, hit) for hit in self._last(probe, piece, base))
            kept = [found[order] for order in sorted(found)]
            if len(kept) > FIRST_HITS + LAST_HITS:
                kept = kept[:FIRST_HITS] + kept[-LAST_HITS:]
            rule = self._program.rules[index]
            hits += (hit for hit in kept if holds(rule, index, hit, self._facts, self._steps))
        return sorted(hits, key=lambda hit: hit.order)

    def _note(self, number: int, piece: Slice, fresh: list[RuleHit]) -> None:
        probe = self._program.probes[number]
        if probe.flag:
            self._note_fact(probe, number, piece)
            return
        seen = self._seen.setdefault(probe.rule, _Seen())
        wanted = FIRST_HITS - len(seen.first)
        if self._program.rules[probe.rule].where.tail is not None:
            wanted = 0
        if wanted:
            known = {hit.order for hit in seen.first}
            for hit in self._locate(number, piece, self._base):
                if hit.order not in known:
                    seen.first.append(hit)
                    fresh.append(hit)
                    wanted -= 1
                if not wanted:
                    break
        if not wanted:
            seen.late.append((piece, number, self._base))

    def _note_fact(self, probe: Probe, number: int, piece: Slice) -> None:
        if probe.flag == "exit":
            code = exit_code_in(self._program.locator(number), piece)
            self._facts.exit_code = self._facts.exit_code if code is None else code
        elif (probe.rule, probe.flag) not in self._facts.met:
            self._facts.met.add((probe.rule, probe.flag or ""))

    def _last(self, number: int, piece: Slice, base: int) -> list[RuleHit]:
        starts = list(_starts(self._program, number, piece))
        found: list[RuleHit] = []
        for start, where in reversed(starts[-_MAX_CHECKS:]):
            hit = self._exact(number, piece, start, where, base)
            if hit is not None:
                found.append(hit)
            if len(found) == LAST_HITS:
                break
        return found

    def _locate(self, number: int, piece: Slice, base: int) -> Iterator[RuleHit]:
        for checked, (start, where) in enumerate(_starts(self._program, number, piece)):
            hit = self._exact(number, piece, start, where, base)
            if hit is not None:
                yield hit
            if checked == _MAX_CHECKS:
                return

    def _exact(
        self, number: int, piece: Slice, start: int, where: int, base: int
    ) -> RuleHit | None:
        """Check the line around a raw hit the way a person reads it."""
        _, end = piece.bounds(where)
        if end - start > _MAX_LINE:
            start, end = max(start, where - _MAX_LINE // 2), min(end, where + _MAX_LINE // 2)
        text = clean_line(piece.data[start:end])
        index = self._program.probes[number].rule
        captures = self._program.check(index).captures(text)
        if captures is None:
            return None
        line = piece.line_at(where)
        rule = self._program.rules[index]
        return RuleHit(rule, line, piece.part, text, captures, base + line)


def _starts(program: Program, number: int, piece: Slice) -> Iterator[tuple[int, int]]:
    """Yield each line that a probe finds: where the line starts and where the match does."""
    locator, offset = program.locator(number), 0
    while (match := locator.search(piece.scan, offset)) is not None:
        start, end = piece.bounds(match.start())
        yield start, match.start()
        offset = end + 1
        if offset >= len(piece.data):
            return
