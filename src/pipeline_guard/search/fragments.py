"""Picks the part of a pattern that is quick to look for in a stream.

An automaton over hundreds of patterns stays small as long as none of them holds something of any
length that most text matches (`.*`, `\\S+`): each such piece doubles the states a line can be in.
So the stream is searched for the heaviest stretch of a pattern without such pieces. What it finds
holds everything the whole pattern would find; the whole pattern is asked afterwards.
"""

import re
from dataclasses import dataclass
from typing import Final

TOKEN: Final = re.compile(
    r"\\Q.*?(?:\\E|$)|\\[pPx]\{[^}]*\}|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]"
    r"|[A-Za-z0-9 _:/,;'\"=<>@#%&!~`-]+(?![*+?{])"  # a run of plain characters is one word
    r"|\{\d+(?:,\d*)?\}|\(\?P?<\w+>|\(\?[a-zA-Z-]*[:)]|.",
    re.DOTALL,
)
_REPEAT: Final = re.compile(r"[*+?]|\{\d+(?:,\d*)?\}")
_NARROW_CLASS: Final = re.compile(
    r"\\d|\[(?!\^)(?:\\[^wWSD]|[^\]\\a-zA-Z]|[a-zA-Z](?!-\w)){1,12}\]|\\s|[^\\.\[(]|\\\W"
)
_ENOUGH: Final = 4
"""Literal characters below which a stretch would be found on nearly every page."""
_PLENTY: Final = 10
"""Characters from which a stretch is taken as it is, alternatives beside it or not."""
_MOST: Final = 40
"""Stretches that one pattern may be spread over."""


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    weight: int
    wide: bool
    options: tuple[str, ...] = ()
    """The alternatives of a group that is there exactly once."""


def fragments(pattern: str) -> tuple[str, ...]:
    """Give stretches of which at least one is in every line that the pattern matches.

    Where a stretch would not be heavy enough, the pattern's branches stand for it.
    """
    head = _flags(pattern)
    found = _spread(pattern[len(head) :], _MOST)
    if found is None:
        return branches(pattern)
    return tuple(dict.fromkeys(head + text for text in found))


def branches(pattern: str) -> tuple[str, ...]:
    """Give the pattern's alternatives, each a pattern by itself.

    Together in one expression, Hyperscan (5.4.12) may pass over matches of one.
    """
    head = _flags(pattern)
    found = split_branches(TOKEN.findall(pattern[len(head) :]))
    return tuple(head + "".join(branch) for branch in found)


def _flags(pattern: str) -> str:
    """What is said at its beginning for all of it."""
    flags = re.match(r"\(\?[a-zA-Z]+\)", pattern)
    return flags.group() if flags else ""


def _spread(pattern: str, budget: int) -> list[str] | None:
    alternatives = split_branches(TOKEN.findall(pattern))
    if len(alternatives) > 1:
        return _each(["".join(one) for one in alternatives], budget)
    pieces = _pieces(alternatives[0])
    best, weight = _heaviest(pieces)
    if weight >= _PLENTY:
        return [best]
    for index, piece in enumerate(pieces):
        if piece.wide and piece.options:
            before = "".join(p.text for p in pieces[:index])
            after = "".join(p.text for p in pieces[index + 1 :])
            spread = _each([f"{before}{option}{after}" for option in piece.options], budget)
            if spread is not None:
                return spread
    return [best] if weight >= _ENOUGH else None


def _each(alternatives: list[str], budget: int) -> list[str] | None:
    if len(alternatives) > budget:
        return None
    found: list[str] = []
    for one in alternatives:
        part = _spread(one, budget // len(alternatives))
        if part is None:
            return None
        found += part
    return found


def _heaviest(pieces: list[_Piece]) -> tuple[str, int]:
    best, weight, run = "", 0, list[_Piece]()
    for piece in [*pieces, _Piece("", 0, wide=True)]:
        if not piece.wide:
            run.append(piece)
            continue
        total = sum(p.weight for p in run)
        if total >= weight:
            best, weight = "".join(p.text for p in run), total
        run = []
    return best, weight


def split_branches(tokens: list[str]) -> list[list[str]]:
    """Split at the alternation signs outside of every group."""
    found: list[list[str]] = [[]]
    depth = 0
    for word in tokens:
        depth += word.startswith("(") - (word == ")")
        if word == "|" and not depth:
            found.append([])
        else:
            found[-1].append(word)
    return found


def _pieces(tokens: list[str]) -> list[_Piece]:
    found: list[_Piece] = []
    index = 0
    while index < len(tokens):
        end = group_end(tokens, index) if tokens[index].startswith("(") else index + 1
        atom = tokens[index:end]
        index = end
        repeat = ""
        while index < len(tokens) and _REPEAT.fullmatch(tokens[index]):
            repeat += tokens[index]
            index += 1
        found.append(_group(atom, repeat) if len(atom) > 1 else _single(atom[0], repeat))
    return found


def group_end(tokens: list[str], start: int) -> int:
    """Give the index behind the bracket that closes the group opened at `start`."""
    depth = 0
    for index in range(start, len(tokens)):
        depth += tokens[index].startswith("(") - (tokens[index] == ")")
        if not depth:
            return index + 1
    return len(tokens)


def _single(word: str, repeat: str) -> _Piece:
    wide = repeat not in ("", "?") and _NARROW_CLASS.fullmatch(word) is None
    if word in ("^", "\\d") or (word[0] == "[" and _NARROW_CLASS.fullmatch(word)):
        weight = 1
    elif word[0] == "\\":
        weight = int(not word[1].isalnum())
    else:
        weight = 0 if word in ("$", ".") or word[0] == "[" else len(word)
    there = repeat in ("", "+") or (repeat[0] == "{" and repeat[1] != "0")
    return _Piece(word + repeat, weight if there else 0, wide)


def _group(atom: list[str], repeat: str) -> _Piece:
    inside = split_branches(atom[1:-1])
    parts = [_pieces(branch) for branch in inside]
    wide = any(piece.wide for part in parts for piece in part)
    weight = 0 if repeat else min(sum(p.weight for p in part) for part in parts)
    text = "".join(atom) + repeat
    options = () if repeat else tuple("".join(branch) for branch in inside)
    return _Piece(text, weight, wide or bool(repeat and repeat != "?"), options)
