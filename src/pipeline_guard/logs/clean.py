"""Turns one raw log line into what a person reads on the platform's page."""

import re
from typing import Final

# An escape sequence: colours and cursor moves, or a closed command to the terminal (ECMA-48;
# Buildkite's `_bk;t=…` timestamps are of the last kind). An unclosed one loses only its escape.
_ANSI: Final = (
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]_P^X][^\x07\x1b]*(?:\x07|\x1b\\)|[()*+][0-9A-Z]|[=>78c])?"
)

# Time as the platforms write it, always with its zone; a program's own time has none and stays.
_ZONED: Final = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)"
_BARE: Final = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"

_STAMP: Final = "|".join(
    (
        rf"{_ZONED}(?: \d\d[OE][ +]| ?\| | )?",  # GitHub, Azure; GitLab adds its stream's flags
        rf"\[(?:[a-z]+ )?{_BARE}\] ?",  # Jenkins, Taskcluster
        r"\[\d\d:\d\d:\d\d\] ?",  # AppVeyor
        r"\d\d:\d\d:\d\d(?:\.\d+)?  ",  # Jenkins' older timestamps
        rf"{_BARE} \| ",  # Zuul
    )
)
# `gh run view --log` puts job and step before each line, parted by tabs.
_COLUMNS: Final = r"[^\t\n]+\t[^\t\n]+\t"
# What follows is read by re2 inside every anchored rule, so it is as plain as it can be.
_INVISIBLE: Final = (
    r"(?:\x1b(?:\[[0-?]*[@-~]|_[^\x07\n]*\x07)"
    r"|(?:travis_(?:fold|time)|section_(?:start|end)):[^\r\n\x1b]*\r?)*"
)
_PREFIX: Final = rf"{_INVISIBLE}(?:(?:{_COLUMNS})?(?:\x{{FEFF}})?(?:{_STAMP}){_INVISIBLE})?"

_STRIP_ANSI: Final = re.compile(_ANSI)
_STRIP_STAMP: Final = re.compile(rf"(?:{_COLUMNS}\ufeff?(?={_BARE}))?\ufeff?(?:{_STAMP})?")
_MARKS: Final = re.compile(
    r"travis_(?:fold|time):[^\r\n\x1b]*|section_(?:start|end):\d+:[\w.-]*(?:\[[^\]\r\n]*\])?"
)
_BACKSPACE: Final = "\b"
# Control characters but the tab (a database's text knows no NUL), and marks that reverse what a
# person reads: both can only mislead in a line that is shown as evidence.
_UNSEEN: Final = dict.fromkeys(
    [*range(9), *range(10, 32), 127, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)


def prefix_pattern() -> str:
    """Give the re2 pattern, without anchors or captures, of all that may precede a line's text.

    For patterns that begin a line and are to be matched on raw bytes: `^` becomes `^` plus this.
    """
    return _PREFIX


def clean_line(raw: bytes, *, buildbot: bool = False) -> str:
    """Give the text of one raw line: no colours, timestamps, marks or overwritten progress.

    With `buildbot`, the first byte is Buildbot's stream flag (o, e or h) and goes as well.
    """
    if buildbot and raw[:1] in (b"o", b"e", b"h"):
        raw = raw[1:]
    text = raw.decode("utf-8", "replace").rstrip("\r\n")
    if "\x1b" in text:
        if "_bk;" not in text and ("travis_" in text or "section_" in text):
            text = _MARKS.sub("", text)
        text = _STRIP_ANSI.sub("", text)
    elif text.startswith(("travis_", "section_")):
        text = _MARKS.sub("", text)
    stamp = _STRIP_STAMP.match(text)
    if stamp:
        text = text[stamp.end() :]
        if text.startswith("section_"):
            text = _MARKS.sub("", text)
    if "\r" in text:
        text = _seen_last(text)
    if _BACKSPACE in text:
        text = _backspaced(text)
    if not text.isprintable():
        text = text.translate(_UNSEEN)
    return text.rstrip()


def strip_ansi(text: str) -> str:
    """Give `text` without escape sequences."""
    return _STRIP_ANSI.sub("", text) if "\x1b" in text else text


def _seen_last(text: str) -> str:
    """What a progress bar showed last: the last piece between carriage returns with text in it."""
    return next((piece for piece in reversed(text.split("\r")) if piece.strip()), "")


def _backspaced(text: str) -> str:
    shown: list[str] = []
    for char in text:
        if char != _BACKSPACE:
            shown.append(char)
        elif shown:
            shown.pop()
    return "".join(shown)
