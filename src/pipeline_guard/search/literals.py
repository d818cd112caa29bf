"""Finds the plain words one of which stands in every line that a pattern matches.

Plain words are what a log can be searched for fastest, thousands of them at once. The search is
for the longest words the pattern cannot do without; whatever is not surely needed is left out.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from pipeline_guard.search.fragments import TOKEN, group_end, split_branches

_MOST: Final = 24
"""Words that one pattern may be searched by."""
_SPREAD: Final = 12
"""Spellings of one stretch kept together; past that the stretch is cut in two."""
_REPEAT: Final = re.compile(r"([*+?]|\{\d+(?:,\d*)?\})\??")
_FOLDING: Final = re.compile(r"\(\?[a-zA-Z]*i[a-zA-Z]*[-:)]")
_FLAGS: Final = re.compile(r"\(\?[a-zA-Z-]+\)")
_NO_WIDTH: Final = frozenset({"^", "$", "\\A", "\\z", "\\b", "\\B", ""})
_PLAIN_CLASS: Final = re.compile(
    r"\[((?:[0-9]-[0-9]|[A-Za-z]-[A-Za-z]|[A-Za-z0-9 _:;,.'\"#/=*!]|\\[.\[\]()-])+)\]"
)
_CLASS_PIECE: Final = re.compile(r"(\w)-(\w)|\\?(.)")

_COMMON: Final = frozenset((
    "error", "Error", "ERROR", "errors", "failed", "Failed", "FAILED", "FAIL", "Fail",
    "failure", "failures", "failed to", "cannot", "could not", "unable to", "warning",
    "warnings", "WARNING", "INFO", "test", "test_", "Tests", "passed", "found", "Found",
    "not found", "Could not find", "missing", "Missing", "required", "invalid", "expected",
    "unused", "empty", "waiting for", "build/", "java", "javadoc", "config", "function",
    "script", "line", "exit", "http", "connection", "token", "password", "services", "agent",
    "runner", "executor", "File", "Release", "Failures", "Failures: 0, Errors: 0",
))  # fmt: skip
"""Words on so many lines that looking for them leads nowhere."""
_ENOUGH: Final = 25
"""Bits from which on a word is rare enough: five small letters, or a bracket and two capitals."""
_FEW_BITS: Final = 10
"""What a word of _COMMON tells."""
_RARITY: Final = bytes(
    5
    if chr(code).islower() or chr(code) in "./-:"
    else 6
    if chr(code).isdigit()
    else 3
    if code == 32
    else 8
    for code in range(256)
)
"""Bits by byte, by how rare its kind is in logs (measured)."""

_Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Literals:
    """Words one of which is in every match; with `fold`, in whatever case (ASCII)."""

    words: tuple[bytes, ...]
    fold: bool


@dataclass(frozen=True, slots=True)
class _Part:
    """What is known of a stretch: all its spellings, or else words it cannot do without."""

    exact: _Words | None
    needed: _Words | None = None
    starts: _Words | None = None
    """With one of which it begins."""


def literals(pattern: str) -> Literals | None:
    """Give the words to search for instead of an accepted pattern.

    None where the pattern can do without any word that is rare enough.
    """
    fold = _FOLDING.search(pattern) is not None
    tokens = [token for token in TOKEN.findall(pattern) if not _FLAGS.fullmatch(token)]
    words = _better(*_told(_choice(tokens)))
    if words is None or (fold and not all(word.isascii() for word in words)):
        return None
    lowered = dict.fromkeys(word.lower() if fold else word for word in words)
    # A word that holds another one is found with that.
    kept = tuple(w for w in lowered if not any(one in w and one != w for one in lowered))
    if _least_bits(kept) < _ENOUGH:
        return None
    return Literals(tuple(word.encode() for word in kept), fold)


@cache
def _bits(word: str) -> int:
    """How rare a word is; a small letter tells 5 bits, a bracket 8."""
    if word.strip(" \t:.,[]()\"'") in _COMMON:
        return _FEW_BITS
    return sum(word.encode().translate(_RARITY))


def _least_bits(words: _Words) -> int:
    return min(map(_bits, words))


def _told(part: _Part) -> tuple[_Words | None, _Words | None]:
    return part.exact, part.needed


def _better(one: _Words | None, other: _Words | None) -> _Words | None:
    """Of two sets of words, the one whose most common word is rarer."""
    if not one or not other:
        return one or other
    return max(one, other, key=lambda words: (_least_bits(words), -len(words)))


def _choice(tokens: list[str]) -> _Part:
    parts = [_sequence(branch) for branch in split_branches(tokens)]
    if len(parts) == 1:
        return parts[0]
    exact = _joined([part.exact for part in parts], _SPREAD)
    if exact is not None:
        return _Part(exact)
    starts = _joined([part.exact or part.starts for part in parts], _SPREAD)
    return _Part(None, _joined([_better(*_told(part)) for part in parts], _MOST), starts)


def _joined(sets: list[_Words | None], most: int) -> _Words | None:
    found: dict[str, None] = {}
    for words in sets:
        if words is None:
            return None
        found.update(dict.fromkeys(words))
    return tuple(found) if len(found) <= most else None


def _sequence(tokens: list[str]) -> _Part:
    run: _Words = ("",)
    needed: _Words | None = None
    starts: _Words | None = None
    index = 0
    while index < len(tokens):
        end = group_end(tokens, index) if tokens[index].startswith("(") else index + 1
        part = _atom(tokens[index:end])
        repeat = _REPEAT.fullmatch("".join(tokens[end : end + 1]))
        if repeat:
            part, end = _repeated(part, repeat[1]), end + 1
            while end < len(tokens) and tokens[end] == "?":
                end += 1
        index = end
        longer = _crossed(run, part.exact)
        cut = longer is None or (repeat is not None and repeat[1] != "?")
        run = longer or _crossed(run, part.starts) or run
        if cut:
            starts = starts or run
            needed = _better(needed, _better(run if min(map(len, run)) else None, part.needed))
            run = ("",) if longer is not None or part.exact is None else part.exact
    if starts is None:
        return _Part(run)
    return _Part(None, _better(needed, run if min(map(len, run)) else None), starts)


def _crossed(run: _Words, exact: _Words | None) -> _Words | None:
    if exact is None or len(run) * len(exact) > _SPREAD:
        return None
    return tuple(dict.fromkeys(left + right for left in run for right in exact))


def _repeated(part: _Part, repeat: str) -> _Part:
    if repeat == "?":
        return _Part(("", *part.exact)) if part.exact is not None else _Part(None)
    if repeat == "*" or repeat.startswith("{0"):
        return _Part(None)
    return part


def _atom(tokens: list[str]) -> _Part:
    first = tokens[0]
    if first.startswith("("):
        return _choice(tokens[1:-1])
    if first in _NO_WIDTH:
        return _Part(("",))
    if first == "\\t":
        return _Part(("\t",))
    if first[0] == "\\":
        return _Part((first[1],)) if len(first) == 2 and not first[1].isalnum() else _Part(None)
    if first[0] == "[":
        plain = _PLAIN_CLASS.fullmatch(first)
        return _Part(_spelled(plain[1])) if plain else _Part(None)
    return _Part(None) if first == "." else _Part((first,))


def _spelled(inside: str) -> _Words | None:
    """Every character of a class, unless they are too many."""
    chars = dict.fromkeys(
        chr(code)
        for piece in _CLASS_PIECE.finditer(inside)
        for code in range(ord(piece[1] or piece[3]), ord(piece[2] or piece[3]) + 1)
    )
    return tuple(chars) if len(chars) <= _SPREAD else None
