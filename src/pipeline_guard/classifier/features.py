"""Turns an excerpt into words that say what went wrong, and not whose project it was.

Everything that ties a log to one project or one platform is dropped or masked: numbers, hashes,
addresses, host names, paths, timestamps, and the platform's own closing remarks ("Process
completed with exit code 1" is true of every failure). What stays are words, the names of
exceptions split into words, and the few numbers that carry meaning (HTTP statuses, exit codes).
"""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

VERSION = 2
"""Raised when the tokens change; an artifact of another version is refused."""

BEST_LINES = 12
"""Lines from which the category is read; measured across folds, 6 to 25 differ by a point."""
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,9}://\S+", re.IGNORECASE)
_HOST = re.compile(r"\b(?:[a-z0-9-]+\.){2,}[a-z]{2,}\b(?::\d+)?", re.IGNORECASE)
_PATH = re.compile(r"(?:[a-zA-Z]:)?(?:[\w.@~+-]*[/\\]){2,}[\w.@~+*-]*")
_HEX = re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,}\b", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_MARKER = re.compile(r"<[a-z0-9_-]+>|\[(?:redacted|masked)[^\]]*\]", re.IGNORECASE)
_NUMBERS = frozenset(
    {"124", "125", "126", "127", "128", "134", "137", "139", "143"}
    | {"400", "401", "403", "404", "408", "409", "422", "429", "500", "502", "503", "504"}
)
"""Exit codes that name a cause, and HTTP statuses."""
_LONGEST_WORD = 24
_LONGEST_LINE = 600
"""Characters read of a line; keeps patterns that are quadratic on hostile text harmless."""
_WORDS_PER_LINE = 60
_NOISE = (
    *("process completed with exit code", "your build exited", "your build has been stopped"),
    *("travis_time", "travis_fold", "travis-ci", "elapsedtime", "script returned exit code"),
    *("post job cleanup", "cleaning up orphan processes", "cleaning up project directory"),
)
_NOISE_STARTS = ("job failed", "finished: failure")
_EXITED = re.compile(r"exited with [1-9]")
_FARTHEST = 13
"""Beyond 4,096 lines from the stop, farther makes no difference."""
_LOOKS = {
    "@frame": re.compile(r"^\s*(?:at |File \"|from )"),
    "@warning": re.compile(r"\bwarn(?:ing)?\b", re.IGNORECASE),
    "@head": re.compile(r"^\W*(?:error|fatal|fail)", re.IGNORECASE),
    "@command": re.compile(r"^[$+] "),
    "@place": re.compile(r"[\w./\\-]+\.\w{1,5}[:(]\d+"),
    "@item": re.compile(r"^\s*\d+\) "),
}


def words(line: str) -> list[str]:
    """Lower-case words of one cleaned line, at most 60; empty for lines that say nothing."""
    line = line[:_LONGEST_LINE]
    if _is_noise(line.lower()):
        return []
    # A pattern is only tried where its own characters stand: that alone halves the time.
    if "://" in line:
        line = _URL.sub(" url ", line)
    if "<" in line or "[" in line:
        line = _MARKER.sub(" ", line)
    if "/" in line or "\\" in line:
        line = _PATH.sub(" path ", line)
    if line.count(".") >= 2:
        line = _HOST.sub(" host ", line)
    line = _HEX.sub(" ", line)
    found: list[str] = []
    for token in _WORD.findall(line):
        if token.isdigit():
            if token in _NUMBERS:
                found.append(token)
            continue
        found.extend(
            part.lower() for part in _CAMEL.split(token) if 2 <= len(part) <= _LONGEST_WORD
        )
        if len(found) >= _WORDS_PER_LINE:
            break
    return found


def _is_noise(line: str) -> bool:
    return (
        any(part in line for part in _NOISE)
        or line.startswith(_NOISE_STARTS)
        or ("exited with " in line and _EXITED.search(line) is not None)
    )


def marks(line: str, distance: int | None = None) -> list[str]:
    """What a line looks like, whatever its words: indentation, length, a place in a file.

    `distance` is how many lines before the job's stop it stands (negative: after), if known.
    """
    line = line[:_LONGEST_LINE]
    indent = len(line) - len(line.lstrip())
    found = [f"@indent{min(4, (indent + 1) // 2)}", f"@length{min(6, len(line) // 40)}"]
    found.extend(name for name, pattern in _LOOKS.items() if pattern.search(line))
    if distance is not None:
        side = "before" if distance >= 0 else "after"
        found.append(f"@{side}{min(_FARTHEST, abs(distance).bit_length())}")
    return found


def terms(lines: Iterable[str]) -> list[str]:
    """Words and pairs of neighbouring words (never across lines), with repetition."""
    out: list[str] = []
    for line in lines:
        found = words(line)
        out.extend(found)
        out.extend(f"{left} {right}" for left, right in pairwise(found))
    return out


def line_terms(line: str) -> list[str]:
    """What the line model reads of one line: its terms and its looks."""
    return [*terms([line]), *marks(line)]


def best(
    wordings: Sequence[Sequence[str]], scores: Sequence[float], count: int = BEST_LINES
) -> list[int]:
    """Indexes of the best-scored lines that have words, ascending, each wording once."""
    seen: set[tuple[str, ...]] = set()
    chosen: list[int] = []
    for index in sorted(range(len(wordings)), key=lambda index: (-scores[index], index)):
        wording = tuple(wordings[index])
        if wording and wording not in seen:
            seen.add(wording)
            chosen.append(index)
            if len(chosen) == count:
                break
    return sorted(chosen)
