"""Finds the names of failed tests in what the test frameworks print."""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

import re2

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import Chunk
from pipeline_guard.search.engine import Engine, Search

MAX_NAMES: Final = 50
"""More names than this say no more than these; the log has the rest."""

_PATTERNS: Final[tuple[tuple[str, str], ...]] = (
    # pytest: the short summary, with -rA or xdist prefixes, and without the reason.
    (
        "pytest",
        r"^(?:\[gw\d+\] .*?)?(?:FAILED|ERROR)(?: \[[^\]]*\])? (\S+\.py(?:::\S.*?)?)(?: - .*)?$",
    ),
    # unittest and nose: "FAIL: test_name (package.Class)" or "(package.Class.test_name)".
    ("unittest", r"^(?:FAIL|ERROR): (\w[\w.]* \([\w.]+\)(?: \[.*\])?)\s*$"),
    ("nose", r"^(?:FAIL|ERROR): ((?:\w+\.)+\w+)\s*$"),
    # Jest and Vitest: the bullet over a failure's details, and vitest's FAIL lines.
    ("jest", r"^\s*● (.+ › .+?)\s*$"),
    ("vitest", r"^\s*(?:FAIL|×|❯)\s+(\S+\.(?:test|spec)\.[cm]?[jt]sx? > .+?)(?: \d+ms)?\s*$"),
    ("jest-suite", r"^\s*FAIL\s+(\S+\.(?:test|spec)\.[cm]?[jt]sx?)(?: \([\d.]+ m?s\))?\s*$"),
    # TAP (node:test, bats, prove): "not ok 3 - name", but not what is marked as a to-do.
    ("tap", r"^\s*not ok \d+ -? ?([^#\n]+?)(?: # (?i:time).*| in \d+m?s(?:ec)?)?\s*$"),
    # go test, with subtests; and Bazel's and Go's package lines carry no test name.
    ("go", r"^\s*--- FAIL: (\S+) \([\d.]+s\)"),
    # Maven's surefire, old and new, and its closing list.
    (
        "surefire",
        r"^(?:\[ERROR\] +)?(\w[\w$]*\([\w.$]+\)) +(?:-- )?Time elapsed: .*<<< (?:FAIL|ERR)",
    ),
    (
        "surefire3",
        r"^(?:\[ERROR\] +)?([\w.$]+\.[\w$]+\S*) +(?:-- )?Time elapsed: .*<<< (?:FAIL|ERR)",
    ),
    ("surefire-list", r"^\[ERROR\] {2,}(\w[\w$]*\.\w[\w$]*):\d+"),
    # Gradle: "com.example.FooTest > does something FAILED".
    ("gradle", r"^(\S+(?: > .+)+) FAILED\s*$"),
    # cargo test, and nextest.
    ("cargo", r"^test ([\w:]+(?: - .*)?) \.\.\. FAILED"),
    ("nextest", r"^\s+FAIL \[ *[\d.]+s\] +(?:\(.*\) +)?(\S+ +\S+)\s*$"),
    # RSpec's closing list, Minitest's two shapes.
    ("rspec", r"^(?:bundle exec )?rspec (\S+_spec\.rb(?::\d+|\[[\d:]+\])(?: # .+)?)\s*$"),
    ("minitest", r"^(\w+(?:::\w+)*#test_\w+)(?: \[.*\])?:?\s*$"),
    ("rails", r"^(?:bin/)?rails test (\S+_test\.rb:\d+)\s*$"),
    # PHPUnit: "1) App\Tests\FooTest::testBar with data set #1".
    ("phpunit", r"^\d+\) ((?:\w+\\)*\w+::\w+(?: with data set .*)?)\s*$"),
    # ctest's progress and its closing list, GoogleTest, Catch2 has no stable name line.
    (
        "ctest",
        r"^\s*\d+ - (\S.*?) \((?:Failed|Timeout|SEGFAULT|Subprocess aborted|OTHER_FAULT|Not Run)\)",
    ),
    ("gtest", r"^\[  FAILED  \] ([\w/]+\.[\w/]+)(?:, where .*)?(?: \(\d+ ms\))?\s*$"),
    # dotnet test, xUnit and NUnit.
    ("dotnet", r"^\s*(?:Failed|X) +([\w.+`]+\.[\w.+`]+(?:\(.*\))?) \[[<\d .]+m?s\]"),
    ("xunit", r"^\s*([\w.+`]+\.\w+(?:\(.*\))?) \[FAIL\]\s*$"),
    # ExUnit: "  1) test does it (App.FooTest)".
    ("exunit", r"^\s+\d+\) ((?:test|property|doctest) .+ \([\w.]+\))\s*$"),
    # ScalaTest and specs2 under sbt, Swift's XCTest, Dart, Haskell's hspec list is free text.
    ("scalatest", r"^\[info\] +- (.+?) \*\*\* FAILED \*\*\*"),
    ("xctest", r"error: (-\[[\w.]+ \w+\]) : "),
    ("swift", r"^Test Case '(-?\[?[\w. ]+\]?)' failed \("),
    # Mozilla's harnesses.
    ("mozilla", r"TEST-UNEXPECTED-(?:FAIL|TIMEOUT|ERROR|CRASH) \| ([^|]+?) \|"),
    # Jest's tests outside of a group; Playwright's lists.
    ("jest-single", r"^ {2}● (\S[^›]*?)\s*$"),
    (
        "playwright",
        r"^\s*(?:\d+\) |✘ +\d+ )?\[[\w .-]+\] › (\S+:\d+:\d+ › .+?)(?: \([\d.]+m?s\))?(?: ─+)?\s*$",
    ),
    # gotestsum, Ginkgo's summary, tests that go's own timeout met.
    ("gotestsum", r"^=== FAIL: (?:\S+ )?(\S+) \([\d.]+s\)"),
    ("ginkgo", r"^\s*\[FAIL\] (.+ \[It\] .+?)\s*$"),
    ("go-timeout", r"^\t?(Test\w*(?:/\S+)?) \((?:\d+[hm])+(?:[\d.]+s)?\)$"),
    # Pest, Robot Framework, Flutter, Meson, Bazel, Perl's Test::More, Bats' pretty form, Bun.
    ("pest", r"^\s*FAILED +(\w[\w\\]* > .+?)\s*$"),
    ("robot", r"^(\S.*?) +\| FAIL \|\s*$"),
    ("flutter", r"^\d\d:\d\d \+\d+(?: ~\d+)? -\d+: (.+) \[E\]\s*$"),
    ("meson", r"^\s*\d+/\d+ (\S.*?) +(?:FAIL|TIMEOUT|ERROR) +[\d.]+s"),
    ("bazel", r"^(//\S+) +(?:FAILED|TIMEOUT|FLAKY)(?:,| in)"),
    ("perl", r"^# +Failed test '(.+)'"),
    ("bats-pretty", r"^ ✗ (\S.*?)\s*$"),
    ("bun", r"^(?:✗|\(fail\)) (\S.*?)(?: \[[\d.]+m?s\])?\s*$"),
    # PowerShell's Pester.
    ("pester", r"^\s*\[-\] (.+?) (?:\d+m?s|\d+\.\d+s)(?: \(.*\))?\s*$"),
)
_GATES: Final = (
    r"FAIL(?:ED|URE)?\b",
    "<<< ERR",
    "● ",
    r"not ok \d",
    r"[1-9]\d* failing\b",
    r"\bFailed\b",
    r"\((?:Timeout|SEGFAULT)\)",
    r"\[-\] ",
    r"_spec\.rb[:\[]",
    r"_test\.rb:\d",
    r"#test_\w",
    r"error: -\[",
    r"\bERROR:? \w",
    r"\[ERROR\]   ?\w",
    r"\b\d{1,4}\) (?:test|property|doctest|[\w\\]+::)",
    r"' failed \(",
    r"✘ +\d+ \[|\] › \S+:\d+:\d+ › ",
    r"\tTest\w*(?:/\S+)? \(\d+[hm]",
    r"-\d+: .* \[E\]",
    r" (?:TIMEOUT|FLAKY)(?:,| in| +[\d.]+s)",
    r"✗ ",
    r"\(fail\) ",
)
"""One of these is in every line that could hold a name."""
_MAX_LOOKS: Final = 2_000
"""Lines looked at closely per log, so that a hostile log cannot make this slow."""
_MOCHA_LINES: Final = 200
_MOCHA_COUNT = r"^\s*[1-9]\d* failing\s*$"
_MOCHA_ITEM = r"^\s+\d+\) (\S.*?):?\s*$"
_MOCHA_NEXT = r"^\s{6,}(\S.*?):?\s*$"
_NO_TESTS: Final = (
    "Console",
    "Test suite failed to run",
    "Cannot log after tests are done",
    "Validation Error",
    "Validation Warning",
    "Deprecation Warning",
)
"""What Jest writes behind the same bullet."""
_NOT_A_NAME = r"^(?:Error|AssertionError|TypeError|at )\b"


@cache
def _gate() -> Engine:
    return Engine(_GATES)


class TestNames:
    """Collects names while cleaned lines pass in their order; each name once."""

    __test__ = False  # pytest would take the class for a test because of its name

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._any: Any = re2.compile("|".join(f"(?:{pattern})" for _, pattern in _PATTERNS))
        self._each: list[Any] = [re2.compile(pattern) for _, pattern in _PATTERNS]
        self._search = Search(_gate())
        self._looks = _MAX_LOOKS
        self._mocha = False
        self._title: list[str] = []

    def feed(self, chunk: Chunk) -> None:
        """Take a chunk of the raw log; only lines that could hold a name are cleaned and read."""
        data, position = chunk.data, 0
        wanted = self._looks > 0 and len(self._names) < MAX_NAMES
        places = self._search.places(data) if wanted else {}
        pairs = sorted((offset, gate) for gate, offsets in places.items() for offset in offsets)
        for offset, gate in pairs:
            if offset < position:
                continue
            begin = data.rfind(b"\n", 0, offset) + 1
            end = data.find(b"\n", offset) + 1 or len(data)
            if not _gate().may_match(gate, data[begin:end]):
                continue
            position = end
            self._looks -= 1
            self.add([clean_line(data[begin : min(position, begin + 4_000)])])
            if b" failing" in data[begin:position]:
                self.add(map(clean_line, data[position:].split(b"\n", _MOCHA_LINES)[:-1]))
            if self._looks == 0 or len(self._names) >= MAX_NAMES:
                return

    def add(self, lines: Iterable[str]) -> None:
        """Look into cleaned lines."""
        for line in lines:
            if len(self._names) >= MAX_NAMES:
                return
            self._mocha_line(line)
            if self._any.search(line) is None:
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
