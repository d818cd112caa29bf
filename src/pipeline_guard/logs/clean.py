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
        r"\[\d\d:\d\d:\d\d\](?:[WEFi ]?:\s*(?:\[[^\]\n]+\] )?| ?)",  # TeamCity, fastlane, AppVeyor
        r"\d\d:\d\d:\d\d(?:\.\d{1,3})? {1,2}",  # Jenkins' older timestamps, Vercel
        r"\(\d\d:\d\d:\d\d\) ",  # Bazel
        r"\[ *\d+\.\d{6}\] ",  # the kernel's own messages
        rf"{_BARE} \| (?:[\w.-]+ \| )?",  # Zuul, which names the node as well
    )
)
_TASKS: Final = (
    r"(?:build|test|tests|lint|check|checks|typecheck|type-check|check-types|dev|start|e2e|format"
    r"|compile|deploy|publish|release|generate|codegen|bundle|coverage|prepare|prebuild|postinstall)"
    r"(?:[:-][\w-]+)*"
)
# What runs several programs at once says before each line whose it is. Only shapes that no
# compiler or test runner prints: a wrongly taken name would be missing in the evidence.
_TOOL: Final = "|".join(
    (
        r"#\d+ (?:\d+\.\d+ |(?:ERROR|CANCELED|WARN): )",  # BuildKit
        r"[a-z][\w.-]*[-_]\d+ +\| ?",  # docker compose
        r"\[[\w.-]+\] +\| ?",  # podman-compose
        r"\[\w[\w .()-]*/\w[\w .()-]*\] +\| ?",  # act
        rf"(?:@[\w.-]+/)?[\w.-]+:{_TASKS}: ",  # turbo
        rf"(?:[\w.@-]*(?:/[\w.@-]+)+|\.) {_TASKS}: ",  # pnpm
        r"@[\w.-]+/[\w.-]+: ",  # lerna
        r"\[@[\w.-]+/[\w.-]+\]:? ",  # yarn workspaces
        r"\[\d{1,2}\] ",  # concurrently
        r" *(?:\./[\w./-]*|[\w.-]+)?\+[\w-]+(?: \*\w+\*)? +\| ?",  # Earthly
        r"Step #\d+(?: - \"[^\"\n]*\")?: ",  # Google Cloud Build
        r"\[ {0,4}\d{1,6}s\] ",  # Open Build Service
        r"(?:┃ {8}| {7})> ",  # Nix, of the log of what it built
        r"▸ +",  # xcpretty and xcbeautify, of the output of Xcode's tools
    )
)
# `gh run view --log` puts job and step before each line, parted by tabs.
_COLUMNS: Final = r"[^\t\n]+\t[^\t\n]+\t"
_STRIP_ANSI: Final = re.compile(_ANSI)
_STRIP_STAMP: Final = re.compile(rf"(?:{_COLUMNS}\ufeff?(?={_BARE}))?\ufeff?(?:{_STAMP})?")
# Saved logs carry job and step before the time in other ways, too.
_STRIP_NAMES: Final = re.compile(rf"[^\n]{{1,120}}?(?:\t| {{2,}}| \| )(?={_ZONED} )")
_STRIP_TOOL: Final = re.compile(rf"(?:{_TOOL}){{1,3}}")
_MARKS: Final = re.compile(
    r"travis_(?:fold|time):[^\r\n\x1b]*|section_(?:start|end):\d+:[\w.-]*(?:\[[^\]\r\n]*\])?"
)
_BACKSPACE: Final = "\b"
# Control characters but the tab (a database's text knows no NUL), and marks that reverse what a
# person reads: both can only mislead in a line that is shown as evidence.
_UNSEEN: Final = dict.fromkeys(
    [*range(9), *range(10, 32), 127, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)


def bare_line(raw: bytes) -> str:
    """Give one raw line as its program printed it: only colours and the platform's time are gone.

    Unlike clean_line it keeps trailing blanks, which count in a diff.
    """
    text = strip_ansi(raw.decode("utf-8", "replace").rstrip("\r\n"))
    stamp = _STRIP_STAMP.match(text)
    return text[stamp.end() :] if stamp else text


def clean_line(raw: bytes) -> str:
    """Give the text of one raw line: no colours, timestamps, marks or overwritten progress.

    What a tool puts before each line to say whose it is (`#12 4.2 `, `web-1  | `) goes as well.
    """
    text = raw.decode("utf-8", "replace").rstrip("\r\n")
    if "\x1b" in text:
        if "_bk;" not in text and ("travis_" in text or "section_" in text):
            text = _MARKS.sub("", text)
        text = _STRIP_ANSI.sub("", text)
    elif text.startswith(("travis_", "section_")):
        text = _MARKS.sub("", text)
    text = _without_time(text)
    if "\r" in text:
        text = _seen_last(text)
    tool = _STRIP_TOOL.match(text)
    if tool:
        text = text[tool.end() :]
    if _BACKSPACE in text:
        text = _backspaced(text)
    if not text.isprintable():
        text = text.translate(_UNSEEN)
    return text.rstrip()


def _without_time(text: str) -> str:
    if "Z " in text[:200] and (names := _STRIP_NAMES.match(text)):
        text = text[names.end() :]
    stamp = _STRIP_STAMP.match(text)
    if stamp is None or not stamp.end():
        return text
    text = text[stamp.end() :]
    return _MARKS.sub("", text) if text.startswith("section_") else text


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
