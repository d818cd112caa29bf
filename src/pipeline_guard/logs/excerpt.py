"""Cuts the telling part out of a log while it streams by: first and last hits, and the tail."""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import Chunk, newlines
from pipeline_guard.logs.redact import Redactor

_FIRST: Final = 10
"""Groups of rule hits kept from the log's start, …"""
_LAST: Final = 10
"""… and from its end."""
_FIRST_TELLING: Final = 12
_LAST_TELLING: Final = 20
_BEFORE, _AFTER = 2, 4
"""Context lines around a hit."""
_BEFORE_END: Final = 25
"""Context before the line that ends a step in failure: the step's own tail."""
_TAIL: Final = 40
_GROUP_SPAN: Final = 8
"""Hits closer than this many lines to a group's first hit belong to it."""
_LOOKS: Final = 5_000
"""Lines looked at in search of first groups that differ; then the rest of the log is not."""
_WORDS_MOST: Final = 500
"""Telling words looked at per chunk."""
_CHUNKS_KEPT: Final = 8
_RECENT_MOST: Final = 32
_RECENT_BYTES: Final = 2**20
_HIT, _END, _WORD = 0, 2, 3
"""Ranks of lines: a rule's hit (its context is 1), the tail, merely telling words (context 4)."""
_RAW_CAP: Final = 2048
_TEXT_CAP: Final = 600

_ENDS: Final = (b"##[error]Process completed", b"ERROR: Job failed", b"exited with", b"exit code")
# Four bytes at least: with shorter ones the vector search falls to a sixth of its speed.
_WORDS: Final = (
    b"##[error]|rror:|rror |rror\x1b[0m|rror]|Error|ERROR|ERR!|FAIL|ailed|ailure|fatal|Fatal|FATAL"
    b"|panic|xception|Traceback|Killed|enied|imed out|imeout|not found|annot |nable to|No space"
    b"|rejected|abort|but was|not ok|xpected"
).split(b"|")
_TELLING: Final = (*_ENDS, *_WORDS)


@dataclass(frozen=True, slots=True)
class ExcerptLine:
    """One line of the excerpt: raw number (1-based, within `part`) and cleaned, redacted text."""

    line: int
    text: str
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The telling part of a log, in its order; `text` is the lines joined."""

    text: str
    lines: tuple[ExcerptLine, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A chunk, the number of its part, and the lines of it that rules hit."""

    chunk: Chunk
    part: int
    hits: tuple[int, ...]
    before: bytes
    """The end of the chunk before it, in the same part."""

    def lines(self) -> list[bytes]:
        """Its raw lines."""
        return self.chunk.data.split(b"\n")[:-1]


class ExcerptBuilder:
    """Collects raw lines around hits as the chunks pass, in bounded memory and time.

    The first groups of hits are taken at once; of the last ones only the chunks are kept, and
    they are looked at when the log has ended.
    """

    def __init__(self, max_lines: int = 200, max_chars: int = 16_384) -> None:
        self._max_lines = max_lines
        self._max_chars = max_chars
        self._finder = BytesAhoCorasick(_TELLING, matchkind=MatchKind.LeftmostFirst)
        self._rows = _Rows()
        self._parts: list[str | None] = []
        self._before = b""
        self._left = {_HIT: _FIRST, _WORD: _FIRST_TELLING}
        self._looks = {_HIT: _LOOKS, _WORD: _LOOKS}
        self._recent: deque[_Seen] = deque()
        self._with_hits: deque[_Seen] = deque(maxlen=_CHUNKS_KEPT)

    def feed(self, chunk: Chunk, hit_lines: Sequence[int] = ()) -> None:
        """Take a chunk; `hit_lines` are the raw numbers of the lines in it that rules hit."""
        if not self._parts or self._parts[-1] != chunk.part:
            self._parts.append(chunk.part)
            self._before = b""
        seen = _Seen(chunk, len(self._parts) - 1, tuple(hit_lines[:256]), self._before)
        self._before = chunk.data[-_RAW_CAP:]
        hits = seen.hits if self._left[_HIT] > 0 else ()
        words = list(self._telling(chunk, slice(_WORDS_MOST))) if self._left[_WORD] > 0 else []
        if hits or words or self._rows.pending:
            lines = seen.lines()
            self._rows.follow(seen, lines)
            self._keep_first(seen, lines, hits, _HIT)
            self._keep_first(seen, lines, words, _WORD)
        self._remember(seen, hit_lines)

    def build(self, redactor: Redactor) -> Excerpt:
        """Give the excerpt, cleaned and redacted; call it once, after the last chunk."""
        self._keep_last()
        keys = self._rows.chosen(self._max_lines, self._max_chars)
        texts = redactor.redact_lines(clean_line(self._rows.raw[key]) for key in keys)
        lines = tuple(
            ExcerptLine(number, _clipped(text), self._parts[part])
            for (part, number), text in zip(keys, texts, strict=True)
            if text.strip()
        )
        return Excerpt("\n".join(line.text for line in lines)[: self._max_chars], lines)

    def _keep_first(self, seen: _Seen, lines: list[bytes], hits: Sequence[int], rank: int) -> None:
        if hits:
            self._left[rank] -= self._keep(seen, lines, hits, rank, self._left[rank])
            self._looks[rank] -= len(hits)
            if self._looks[rank] < 0:
                self._left[rank] = 0

    def _remember(self, seen: _Seen, hit_lines: Sequence[int]) -> None:
        self._recent.append(seen)
        while len(self._recent) > _RECENT_MOST or (
            len(self._recent) > 2
            and sum(len(kept.chunk.data) for kept in self._recent) > _RECENT_BYTES
        ):
            self._recent.popleft()
        if hit_lines:
            self._with_hits.append(replace(seen, hits=tuple(hit_lines[-256:])))

    def _keep_last(self) -> None:
        left = _TAIL
        for seen in reversed(self._recent):
            lines = seen.lines()
            first = seen.chunk.first_line
            for index in range(len(lines) - 1, max(-1, len(lines) - 1 - left), -1):
                self._rows.put(seen, first + index, _END, lines[index])
                left -= bool(lines[index].strip())
        left = _LAST
        for seen in reversed(self._with_hits):
            left -= self._keep(seen, seen.lines(), seen.hits, _HIT, left, last=True)
        left = _LAST_TELLING
        for seen in reversed(self._recent):
            words = list(self._telling(seen.chunk, slice(-_WORDS_MOST, None)))
            left -= self._keep(seen, seen.lines(), words, _WORD, left, last=True)
        for seen in self._recent:
            self._rows.follow(seen, seen.lines())

    def _telling(self, chunk: Chunk, which: slice) -> Iterator[int]:
        line, counted = chunk.first_line, 0
        for _, start, _ in self._finder.find_matches_as_indexes(chunk.data)[which]:
            line += newlines(chunk.data, counted, start)
            counted = start
            yield line

    def _keep(
        self,
        seen: _Seen,
        lines: list[bytes],
        hits: Sequence[int],
        rank: int,
        most: int,
        *,
        last: bool = False,
    ) -> int:
        """Keep the first (or last) `most` groups of hits; give how many it were."""
        end = seen.chunk.first_line + len(lines)
        groups = _groups([hit for hit in hits if seen.chunk.first_line <= hit < end])
        chosen = groups[-most:] if last else groups
        kept = 0
        for group in chosen:
            if kept >= most:
                break
            kept += self._rows.keep(seen, lines, group, rank, again=last)
        return kept


class _Rows:
    """Raw lines by (part, line), each with the best of its ranks."""

    def __init__(self) -> None:
        self.raw: dict[tuple[int, int], bytes] = {}
        self._rank: dict[tuple[int, int], int] = {}
        self._alike: set[tuple[int, bytes]] = set()
        self.pending: dict[tuple[int, int], int] = {}

    def put(self, seen: _Seen, number: int, rank: int, line: bytes) -> None:
        """Keep one line, unless it is kept with a better rank."""
        key = (seen.part, number)
        if rank < self._rank.get(key, 99):
            self._rank[key] = rank
            self.raw[key] = _shortened(line)

    def follow(self, seen: _Seen, lines: list[bytes]) -> None:
        """Take what the previous chunk's last groups want as context from this one."""
        for key in [key for key in self.pending if key[0] == seen.part]:
            index = key[1] - seen.chunk.first_line
            if 0 <= index < len(lines):
                self.put(seen, key[1], self.pending.pop(key), lines[index])

    def keep(
        self, seen: _Seen, lines: list[bytes], group: list[int], rank: int, *, again: bool
    ) -> bool:
        """Keep a group of hits with context; `again` also when one reads the same already."""
        first = seen.chunk.first_line
        head = lines[group[0] - first]
        alike = (rank, re.sub(rb"[\d\W]+", b"", head[-200:]))
        if alike in self._alike and not again:
            return False
        self._alike.add(alike)
        before = _BEFORE_END if any(end in head for end in _ENDS) else _BEFORE
        previous = seen.before.split(b"\n")[1:-1]
        for number in range(group[0] - before, group[-1] + _AFTER + 1):
            own = rank if number in group else rank + 1
            if number < first:
                if first - number <= len(previous) and not seen.chunk.continued:
                    self.put(seen, number, own, previous[number - first])
            elif number - first < len(lines):
                self.put(seen, number, own, lines[number - first])
            else:
                self.pending[seen.part, number] = own
        return True

    def chosen(self, max_lines: int, max_chars: int) -> list[tuple[int, int]]:
        """The best-ranked lines that fit, in the log's order."""
        ranked = sorted(self.raw, key=lambda key: self._rank[key])
        size, fit = 0, []
        for key in ranked[:max_lines]:
            size += min(len(self.raw[key]), _TEXT_CAP) + 1
            if size > max_chars:
                break
            fit.append(key)
        return sorted(fit)


def _groups(hits: Sequence[int]) -> list[list[int]]:
    """Put hits that are close together into one group."""
    groups: list[list[int]] = []
    for hit in hits:
        if groups and hit - groups[-1][0] < _GROUP_SPAN:
            if hit != groups[-1][-1]:
                groups[-1].append(hit)
        else:
            groups.append([hit])
    return groups


def _shortened(line: bytes) -> bytes:
    """A line too long for an excerpt is cut between words, lest half a secret stays."""
    if len(line) <= _RAW_CAP:
        return line
    if b"\r" in line[-_RAW_CAP:].rstrip(b"\r"):
        return line[-_RAW_CAP:].split(b"\r", 1)[1]
    kept = line[:_RAW_CAP]
    return kept[: kept.rfind(b" ") + 1] or b"(a line of %d bytes without a space)" % len(line)


def _clipped(text: str) -> str:
    return text if len(text) <= _TEXT_CAP else text[: _TEXT_CAP - 1] + "…"
