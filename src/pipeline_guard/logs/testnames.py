"""Finds the names of failed tests in what the test frameworks print."""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import re2

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import Chunk
from pipeline_guard.logs.testlines import GATES, PATTERNS
from pipeline_guard.search.engine import Engine, Search

MAX_NAMES: Final = 50
"""More names than this say no more than these; the log has the rest."""

_MAX_LOOKS: Final = 2_000
"""Lines looked at closely per log, so that a hostile log cannot make this slow."""
_MOCHA_LINES: Final = 200
_MOCHA_COUNT = r"^\s*(?:[1-9]\d* failing|✖ [1-9]\d* of \d+ tests? failed:)\s*$"
_MOCHA_ITEM = r"^\s+\d+\) (\S.*?):?\s*$"
_MOCHA_NEXT = r"^\s{6,}(\S.*?):?\s*$"
_DOCTEST_TITLE: Final = r"^TEST CASE: +(\S.*?)\s*$"
_DOCTEST_FAILED: Final = r"^\S.*(?::\d+|\(\d+\)): (?:FATAL )?ERROR: "
_CATCH_FAILED: Final = r"^\S.*(?::\d+|\(\d+\)): FAILED:\s*$"
_CATCH_HEAD: Final = r"(?m)^-{50,}\n(\S.*)\n(?:.*\n){0,8}?-{50,}\n\S.*\n\.{50,}$"
"""What Catch2 prints above a test case's first failure: its name, its sections, its place."""
_CATCH_BACK: Final = 16_000
"""Bytes above a failure in which its test case's head is looked for."""
_JASMINE_MESSAGE: Final = r"^ +Message:$"
_JASMINE_NAME: Final = r"^\d+\) (\S.*)$"
"""What Jasmine prints in the line above a failure's message."""
_NO_TESTS: Final = (
    "Console",
    "Test suite failed to run",
    "Cannot log after tests are done",
    "Validation Error",
    "Validation Warning",
    "Deprecation Warning",
)
"""What Jest writes behind the same bullet."""
_SKIPPED: Final = r"^ +\d+\) Skipped:\s*$"
"""What Minitest, told to tell all, prints above the name of a test that it left out."""
_NOT_A_NAME = r"^(?:Error|AssertionError|TypeError|at )\b"


@cache
def _gate() -> Engine:
    return Engine(GATES)


class TestNames:
    """Collects names while cleaned lines pass in their order; each name once."""

    __test__ = False  # pytest would take the class for a test because of its name

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._any: Any = re2.compile("|".join(f"(?:{pattern})" for _, pattern in PATTERNS))
        self._each: list[Any] = [re2.compile(pattern) for _, pattern in PATTERNS]
        self._search = Search(_gate())
        self._looks = _MAX_LOOKS
        self._mocha = False
        self._title: list[str] = []
        self._case = ""
        """The test case that doctest is talking of."""
        self._skipped = False
        """The next line names a test that did not run."""

    def feed(self, chunk: Chunk) -> None:
        """Take a chunk of the raw log; only lines that could hold a name are cleaned and read."""
        data, position = chunk.data, 0
        wanted = self._looks > 0 and len(self._names) < MAX_NAMES
        if not wanted:
            return
        places = self._search.places(data)
        for offset, gate in places.among(places):
            if offset < position:
                continue
            begin = data.rfind(b"\n", 0, offset) + 1
            end = data.find(b"\n", offset) + 1 or len(data)
            if not _gate().may_match(gate, data[begin:end]):
                continue
            position = end
            self._looks -= 1
            text = clean_line(data[begin : min(position, begin + 4_000)])
            self.add([text])
            if re2.search(_CATCH_FAILED, text) is not None:
                self._catch2(data[max(0, begin - _CATCH_BACK) : begin])
            if re2.search(_JASMINE_MESSAGE, text) is not None:
                self._jasmine(data[max(0, begin - 1_000) : begin])
            if re2.search(_MOCHA_COUNT, text) is not None:
                self.add(map(clean_line, data[position:].split(b"\n", _MOCHA_LINES)[:-1]))
            if self._looks == 0 or len(self._names) >= MAX_NAMES:
                return

    def add(self, lines: Iterable[str]) -> None:
        """Look into cleaned lines."""
        for line in lines:
            if len(self._names) >= MAX_NAMES:
                return
            self._mocha_line(line)
            self._doctest_line(line)
            skipped, self._skipped = self._skipped, re2.search(_SKIPPED, line) is not None
            if skipped or self._any.search(line) is None:
                continue
            for pattern in self._each:
                match = pattern.search(line)
                if match is not None:
                    if match[1] not in _NO_TESTS:
                        self._names.setdefault(_short(match[1]))
                    break

    def names(self) -> tuple[str, ...]:
        """The names, in the order in which they were met."""
        self._close_title()
        return tuple(self._names)

    def _mocha_line(self, line: str) -> None:
        """Mocha prints a numbered title over several indented lines after "2 failing"."""
        if re2.search(_MOCHA_COUNT, line) is not None:
            self._mocha = True
            return
        if not self._mocha:
            return
        item = re2.search(_MOCHA_ITEM, line)
        if item is not None:
            self._close_title()
            self._title = [item[1]]
        elif self._title:
            more = re2.search(_MOCHA_NEXT, line)
            if more is None or re2.search(_NOT_A_NAME, more[1]) is not None:
                self._close_title()
            else:
                self._title.append(more[1])

    def _doctest_line(self, line: str) -> None:
        """doctest names a test case above its failures, but above mere messages as well."""
        title = re2.search(_DOCTEST_TITLE, line)
        if title is not None:
            self._case = title[1]
        elif self._case and re2.search(_DOCTEST_FAILED, line) is not None:
            self._names.setdefault(_short(self._case))
            self._case = ""

    def _catch2(self, above: bytes) -> None:
        """Catch2 names a test case once, above its first failure."""
        text = "\n".join(map(clean_line, above.split(b"\n")))
        heads = [match[1] for match in re2.finditer(_CATCH_HEAD, text)]
        if heads and len(self._names) < MAX_NAMES:
            self._names.setdefault(_short(heads[-1]))

    def _jasmine(self, above: bytes) -> None:
        """Jasmine names a test in the line above its failure's message."""
        name = re2.search(_JASMINE_NAME, clean_line(above.rstrip(b"\r\n").rpartition(b"\n")[2]))
        if name is not None:
            self._names.setdefault(_short(name[1]))

    def _close_title(self) -> None:
        if self._title and len(self._names) < MAX_NAMES:
            self._names.setdefault(_short(" ".join(self._title)))
        self._title = []


def failed_tests(lines: Iterable[str]) -> tuple[str, ...]:
    """Give the names of failed tests in cleaned lines, at most 50, in their order."""
    found = TestNames()
    found.add(lines)
    return found.names()


def _short(name: str) -> str:
    return " ".join(name.split())[:300]
