"""Cuts the telling part out of a log while it streams by: first and last hits, and the tail."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import Chunk
from pipeline_guard.logs.redact import Redactor


@dataclass(frozen=True, slots=True)
class ExcerptLine:
    """One line of the excerpt: raw number (1-based, within `part`) and cleaned, redacted text."""

    line: int
    text: str
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The telling part of a log, in its order."""

    text: str
    lines: tuple[ExcerptLine, ...]


class ExcerptBuilder:
    """Collects raw lines around hits as the chunks pass."""

    def __init__(self, max_lines: int = 200, max_chars: int = 16_384) -> None:
        self._max_lines = max_lines
        self._max_chars = max_chars
        self._tail: deque[tuple[int, bytes, str | None]] = deque(maxlen=max_lines // 2)
        self._hits: list[tuple[int, bytes, str | None]] = []

    def feed(self, chunk: Chunk, hit_lines: Sequence[int] = ()) -> None:
        """Take a chunk; `hit_lines` are the raw numbers of the lines in it that rules hit."""
        wanted = set(hit_lines)
        for number, raw in enumerate(chunk.data.split(b"\n")[:-1], chunk.first_line):
            self._tail.append((number, raw, chunk.part))
            if number in wanted and len(self._hits) < self._max_lines // 2:
                self._hits.append((number, raw, chunk.part))

    def build(self, redactor: Redactor) -> Excerpt:
        """Give the excerpt, cleaned and redacted."""
        rows = list(dict.fromkeys([*self._hits, *self._tail]))
        texts = redactor.redact_lines(clean_line(raw) for _, raw, _ in rows)
        lines = tuple(
            ExcerptLine(number, text, part)
            for (number, _, part), text in zip(rows, texts, strict=True)
        )
        return Excerpt("\n".join(texts)[: self._max_chars], lines)
