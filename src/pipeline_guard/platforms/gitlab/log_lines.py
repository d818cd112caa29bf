"""Finds where GitLab's page of a job shows a line of its log.

The page numbers what it shows, not the log's lines: it leaves out those without text, gives what
stands before and behind the mark of a section a line each, and joins a line with those that go on
with it where the runner writes times (`+` behind the stream's letter). As Gitlab::Ci::Ansi2json
and the page's script do it.
"""

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from pipeline_guard.platforms.log_file import beginnings

_HEADER: Final = len("2026-01-02T03:04:05.123456Z 00O ")
_TIMED: Final = re.compile(
    rb"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{6}Z [0-9a-f]{2}[EO][+ ]"
)
_SECTION: Final = re.compile(rb"section_(?:start|end):\d+:[\w.-]+(?:\[[^\]]*\])?\r\x1b\[0K")
_SEQUENCE: Final = re.compile(rb"\x1b[@-_].*?[@-~]")


def page_lines(log: Path, lines: Sequence[int]) -> list[int]:
    """Give the page's number for each 1-based line of the log; raises OSError."""
    wanted, found = set(lines), dict[int, int]()
    shown, has_text, timed = 0, False, False
    for number, line in enumerate(islice(beginnings(log), max(lines, default=0)), 1):
        if number == 1:
            timed = _TIMED.match(line) is not None
        goes_on = timed and line[_HEADER - 1 : _HEADER] == b"+"
        count = _pieces(line[_HEADER:] if timed else line)
        shown += count - 1 if goes_on and has_text and count else count
        has_text = count > 0 or (goes_on and has_text)
        if number in wanted:
            found[number] = max(shown, 1)
    return [found.get(line, line) for line in lines]


def _pieces(line: bytes) -> int:
    """How many lines the page makes of one, if it begins a new one."""
    text = line.rstrip(b"\r\n")
    if b"\x1b" not in text and b"\r" not in text:
        return 1 if text else 0
    pieces = (_SEQUENCE.sub(b"", piece) for piece in _SECTION.split(text))
    # What a carriage return overwrites is gone.
    return sum(bool(piece.rpartition(b"\r")[2]) for piece in pieces)
