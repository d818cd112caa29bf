"""Reads unified diffs, fits their paths to a repository, applies them exactly or not at all."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from unidiff.constants import LINE_TYPE_NO_NEWLINE
from unidiff.errors import UnidiffParseError
from unidiff.patch import Hunk, PatchSet

_SIDES: Final = frozenset({"a", "b", "i", "w", "c", "o", "old", "new", "original", "fixed"})
"""What tools put before a path to tell its two sides apart (git, terraform, autopep8)."""
_ENDINGS: Final = (".orig", ":before", ":after")


class UnusableDiff(Exception):
    """The diff cannot be applied; its text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """The hunks for one file, under the names that the diff calls it by."""

    names: tuple[str, ...]
    hunks: tuple[Hunk, ...]

    @property
    def lines(self) -> int:
        """Added and removed lines."""
        return sum(hunk.added + hunk.removed for hunk in self.hunks)


def read_diff(text: str) -> list[FileChange]:
    """The files of a diff; raises UnusableDiff."""
    try:
        files = PatchSet(text)
    except UnidiffParseError as error:
        raise UnusableDiff(f"The diff cannot be read: {error}.") from error
    found = []
    for file in files:
        names = (file.source_file, file.target_file)
        if "/dev/null" in names:
            raise UnusableDiff("The diff adds or removes whole files, which is not proposed.")
        found.append(FileChange(names, tuple(file)))
    return found


def place(change: FileChange, known: Sequence[str]) -> str:
    """Which of the known paths a file of a diff is; raises UnusableDiff.

    Tools name files from where they ran: by absolute path, or from a folder below the root. Only
    a name that fits one known path and no other is taken.
    """
    variants = {spelled for name in change.names for spelled in _variants(name)}
    exact = {path for path in known if path in variants}
    fitting = exact or {path for path in known if any(_ends(path, name) for name in variants)}
    if len(fitting) == 1:
        return fitting.pop()
    told = change.names[1][:200]
    if fitting:
        raise UnusableDiff(f"{told} may be several files of the request.")
    raise UnusableDiff(f"{told} is not among the files that the request changes.")


def _variants(name: str) -> set[str]:
    if name.startswith('"') or "\\" in name:
        return set()  # quoted by git: a name with bytes that a log may have changed
    for ending in _ENDINGS:
        name = name.removesuffix(ending)
    name = name.removeprefix("./")
    first, _, rest = name.partition("/")
    return {name, rest} if first in _SIDES and rest else {name}


def _ends(path: str, name: str) -> bool:
    """The one path is the end of the other, by whole components."""
    return name.endswith(f"/{path}") or (not name.startswith("/") and path.endswith(f"/{name}"))


def apply_hunks(content: bytes, hunks: Sequence[Hunk]) -> bytes:
    """The file with the change; raises UnusableDiff where a single line is not as expected.

    No hunk is moved or fitted. Blanks at the end of lines that stay or go do not count, since logs
    lose them; each kept line stays byte for byte, and new ones end like the file's.
    """
    before = _lines(content)
    ending = "\r\n" if before and before[0].endswith("\r\n") else "\n"
    after: list[str] = []
    at, added = 0, False
    for hunk in hunks:
        start = hunk.source_start - 1 if hunk.source_length else hunk.source_start
        if start < at or start > len(before):
            raise UnusableDiff("The diff does not fit the file: its hunks are out of order.")
        after += before[at:start]
        at = start
        for line in hunk:
            text = _text_of(line.value)
            if line.is_added:
                after.append(text + ending)
            elif line.line_type == LINE_TYPE_NO_NEWLINE:
                if added:  # of a line that stays or goes, the file itself tells
                    after[-1] = _text_of(after[-1])
            else:
                if at >= len(before) or before[at].rstrip() != text.rstrip():
                    raise UnusableDiff(f"The diff does not fit the file at line {at + 1}.")
                if line.is_context:
                    after.append(before[at])
                at += 1
            added = line.is_added
    return "".join(after + before[at:]).encode()


def _text_of(line: str) -> str:
    """A line without its ending."""
    return line.rstrip("\r\n")


def _lines(content: bytes) -> list[str]:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UnusableDiff("The file is no UTF-8 text, which is not patched.")
    return _split(text)


def _split(text: str) -> list[str]:
    # str.splitlines also cuts at form feeds and the like, which are characters of a line here.
    pieces = text.split("\n")
    return [f"{piece}\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def written(edits: Mapping[str, tuple[bytes, bytes]]) -> str:
    """The diff of files as they were and are, by path, with git's names of the two sides."""
    text = ""
    for path, (old, new) in edits.items():
        old_lines, new_lines = _split(old.decode()), _split(new.decode())
        for line in difflib.unified_diff(old_lines, new_lines, f"a/{path}", f"b/{path}"):
            text += line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
    return text
