"""Checks the patterns of a rule and turns them into what may scan raw chunks of a log.

A pattern is written for one cleaned line. Scanning, however, runs over many raw lines at once, so
`^` must skip the timestamp that a platform puts first, and nothing may reach over a line's end.
"""

import re
from typing import Final

import re2

from pipeline_guard.search.fragments import TOKEN, fragments

MAX_PATTERN_CHARS = 1000
MAX_PROGRAM = 4000
"""Instructions of the compiled pattern: a bound for counted repetitions such as (a{1,99}){1,99}."""
LINE_MEMORY = 8 << 20

_TIME: Final = r"(?:\[ *(?:[a-z]+ )?|\()?\d[-\dTZ:., OE+\])|]*(?:[WFi]?:\s*(?:\[[^\]\n]+\] )?)?"
_TOOL: Final = (
    r"#\d+ (?:[\w.]+:? )?"
    r"| *[\w@./+*-]+ *[\w:-]*(?:: | *\| ?)"
    r"|\[[^\n|\]]+\](?: *\| ?|:? )"
    r"|Step #\d[^:\n]*: |[ \xe2\x94\x83]+> |\xe2\x96\xb8 +"
)
LINE_START: Final = rf"(?m:^)(?:\xef\xbb\xbf)?(?:{_TIME})?(?:{_TOOL})*"
"""Where a line's text may begin in a raw line: at its start, or behind what looks like a time or
like the name of a tool. Looser than what `logs.clean` takes away, and far smaller: each `^` of
each rule carries a copy."""
#: What a refused construct is called, by what it looks like in the pattern.
_REFUSED = (
    (r"\(\?=", "a lookahead (?=…)"),
    (r"\(\?!", "a negative lookahead (?!…)"),
    (r"\(\?<=", "a lookbehind (?<=…)"),
    (r"\(\?<!", "a negative lookbehind (?<!…)"),
    (r"\(\?>", "an atomic group (?>…)"),
    (r"\(\?\(", "a conditional group (?(…)…)"),
    (r"\(\?#", "a comment (?#…)"),
    (r"\(\?P=", "a named backreference (?P=…)"),
    (r"\\[1-9]", "a backreference (\\1)"),
    (r"\\k[<{']", "a named backreference (\\k<…>)"),
    (r"\\G", "the anchor \\G"),
    (r"\\Z", "the anchor \\Z (write $)"),
    (r"(?:[*+?]|\})\+", "a possessive quantifier (*+, ++, ?+)"),
)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_HIGH = r"\\x80-\\xff"
_WIDE = r"(?:[\x80-\xff]{1,4})"
_COUNT = re.compile(r"\{\d+(?:,\d*)?\}")


def line_options(*, capture: bool = True) -> re2.Options:
    """Options for one cleaned line: text is UTF-8, memory is bounded, nothing is printed."""
    options = re2.Options()
    options.log_errors = False
    options.never_nl = True
    options.max_mem = LINE_MEMORY
    options.never_capture = not capture
    return options


def scan_options(max_mem: int) -> re2.Options:
    """Options for raw chunks: bytes, so that a broken character stops no pattern."""
    options = line_options(capture=False)
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = max_mem
    return options


def problem_of(pattern: str) -> str | None:
    """Say in a sentence why a pattern cannot be accepted, or None when it can."""
    if len(pattern) > MAX_PATTERN_CHARS:
        return f"the pattern is {len(pattern)} characters long, at most {MAX_PATTERN_CHARS} are"
    if "\n" in pattern or "\\n" in TOKEN.findall(pattern):
        return "the pattern holds a line break, but it is matched against one line at a time"
    try:
        compiled = re2.compile(pattern, line_options())
    except re2.error as error:
        return _refusal(pattern, error)
    return _shape_problem(pattern, compiled)


def _shape_problem(pattern: str, compiled: re2._Regexp) -> str | None:
    if compiled.programsize > MAX_PROGRAM:
        return "the pattern grows too large when compiled: make its counted repetitions smaller"
    if compiled.search("") is not None:
        return "the pattern matches an empty line, so it would match every line"
    tokens = TOKEN.findall(pattern)
    if any(edge in ([".", "*"], [".", "+"]) for edge in (tokens[:2], tokens[-2:])):
        return "leave out the .* at the edge: a pattern matches anywhere in the line"
    return None


def group_names(pattern: str) -> frozenset[str]:
    """Give the names of the named groups of an accepted pattern."""
    return frozenset(re2.compile(pattern, line_options()).groupindex)


def for_scan(pattern: str) -> bytes:
    """Rewrite an accepted pattern so that it finds at least the same lines in raw chunks.

    The chunks are free of colours, and a carriage return ends a line; the platform's prefix and
    overwritten text are still there.
    Counted repetitions lose their count, which would cost the automaton a state for each; the
    line is checked exactly afterwards anyhow.
    """
    end = r"[ \t]*(?m:$)"
    swap = {"^": LINE_START, "\\A": LINE_START, "$": end, "\\z": end}
    tokens = TOKEN.findall(pattern)
    fold = re.search(r"\(\?[a-zA-Z]*i", pattern) is not None
    return "".join(swap.get(token) or _bytes_only(token, fold) for token in tokens).encode("ascii")


def for_stream(pattern: str) -> tuple[bytes, ...]:
    """Give what to look for in the stream: one of these is wherever `for_scan` would match."""
    return tuple(for_scan(part) for part in fragments(pattern))


def _bytes_only(token: str, fold: bool) -> str:
    """Write one token for Latin-1 matching: beyond ASCII, a character is a few bytes.

    With `fold`, whichever they are: the other case of a character may have other bytes.
    """
    if token[0] == "{" and _COUNT.fullmatch(token):
        return "*" if token.startswith("{0") else "+"
    if token.startswith("\\x{") and int(token[3:-1], 16) > 0x7F:
        return _WIDE
    if token.isascii():
        return token
    if token.startswith("[^"):
        bare = _NOT_ASCII.sub("", token)
        return bare if bare != "[^]" else "."
    if token.startswith("["):
        return f"(?:{_NOT_ASCII.sub(_HIGH, token)}{{1,4}})"
    return _NOT_ASCII.sub(lambda char: _WIDE if fold else _utf8(char[0]), token)


def _utf8(char: str) -> str:
    return "(?:" + "".join(f"\\x{byte:02x}" for byte in char.encode()) + ")"


def _refusal(pattern: str, error: Exception) -> str:
    plain = re.sub(r"\\\\", "", pattern)
    for shape, name in _REFUSED:
        if re.search(shape, plain):
            return f"{name} is refused: rules run in time linear in the log, without it"
    text = error.args[0] if error.args else error
    detail = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return f"the pattern cannot be read: {detail}"
