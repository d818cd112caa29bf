"""Turns one raw log line into what a person reads, and finds which step a line belongs to."""

import re2

# One prefix the platforms put before the text. Order matters only for readability.
_ANSI = r"(?:\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]_][^\x07\x1b]*(?:\x07|\x1b\\))"
_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,]?\d*(?:Z|[+-]\d\d:?\d\d)?"
_STAMP = (
    rf"(?:\[(?:taskcluster|task|vcs|setup|fetches|cache)(?::\w+)? {_ISO}\] ?"
    rf"|\[{_ISO}\] ?"
    rf"|{_ISO}(?: \d\d[OE][ +]?| )"
    r"|\[\d\d:\d\d:\d\d(?:\.\d+)?\] ?)"
)
_PREFIX = rf"(?:[^\t\n]{{1,120}}\t[^\t\n]{{1,120}}\t)?\x{{FEFF}}?{_ANSI}*(?:{_STAMP})?{_ANSI}*"


def prefix_pattern() -> str:
    """Give the re2 pattern, free of anchors and groups, of what may precede a raw line's text."""
    return f"(?:{_PREFIX})"


def clean_line(raw: bytes) -> str:
    """Give the text of one raw line: no colours, timestamps, progress leftovers."""
    text = raw.decode("utf-8", "replace").rstrip("\r\n")
    text = text.rsplit("\r", 1)[-1]
    text = re2.sub(_ANSI, "", text)
    return str(re2.sub("^" + prefix_pattern(), "", text))
