"""The quick search gives what asking every rule about every line would give."""

from typing import Any

import hyperscan
import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import Chunk
from pipeline_guard.rules.load import RuleSet, load_rules
from pipeline_guard.rules.match import FIRST_HITS, LAST_HITS, Scanner
from pipeline_guard.rules.program import LineCheck
from pipeline_guard.rules.schema import Rule
from pipeline_guard.search import engine, places
from pipeline_guard.search.literals import literals
from pipeline_guard.search.patterns import for_scan

BUILT_IN = tuple(
    rule.model_copy(update={"where": Rule.model_fields["where"].default})
    for rule in load_rules().rules
)
LINES = [line for rule in BUILT_IN for line in (*rule.tests.match, *rule.tests.no_match)]


def scanned(rules: RuleSet, chunks: list[bytes], *, long: bool = False) -> set[tuple[str, int]]:
    """The quick way; `long` is how it goes on in a log of over 16 MB."""
    scanner, line = Scanner(rules), 1
    rules.program.engine.seen = 1 << 30 if long else 0
    for data in chunks:
        scanner.feed(Chunk(data, line, None))
        line += data.count(b"\n")
    return {(hit.rule.id, hit.line) for hit in scanner.finish()}


def asked(rules: RuleSet, chunks: list[bytes]) -> set[tuple[str, int]]:
    """The plain way: every rule, every line; per rule the first and last few."""
    texts = [clean_line(line) for line in b"".join(chunks).split(b"\n")[:-1]]
    found: set[tuple[str, int]] = set()
    for rule in rules.rules:
        check = LineCheck(rule)
        hits = [n for n, text in enumerate(texts, 1) if check.captures(text) is not None]
        if len(hits) > FIRST_HITS + LAST_HITS:
            hits = hits[:FIRST_HITS] + hits[-LAST_HITS:]
        found |= {(rule.id, number) for number in hits}
    return found


def made(number: int, **patterns: list[str]) -> Rule:
    base: dict[str, Any] = {"category": "crash", "tests": {"match": ["x"]}}
    return Rule.model_validate({**base, "id": f"rule-{number}", "patterns": patterns})


MADE = RuleSet(
    (
        made(1, any=["(?i)host (?:refused|gone)", "^disk full$"]),
        made(2, all=["refused", r"\d+$"], **{"not": ["retry"]}),
        made(3, any=[r"^\w+ \d+ (?:x|y)$"]),
        made(4, any=["gone away|[Dd]isk ?full"]),
    ),
    {},
)
WORDS = ["host ", "HOST ", "refused", "gone", " away", "disk", "Disk ", "full", " ", "7", "x"]
MARKS = ["\x1b[31m", "\x1b[0m", "2026-01-02T03:04:05.1Z ", "retry", "\r", "é", "\t", "\ufeff"]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.lists(st.lists(st.sampled_from(WORDS + MARKS), max_size=7), max_size=30), max_size=4
    )
)
def test_made_up_logs(log: list[list[list[str]]]) -> None:
    chunks = ["".join("".join(words) + "\n" for words in part).encode() for part in log]
    assert scanned(MADE, chunks) == asked(MADE, chunks)
    assert scanned(MADE, chunks, long=True) == asked(MADE, chunks)


def test_the_lines_that_the_built_in_rules_are_tested_with() -> None:
    rules = RuleSet(BUILT_IN, {})
    stamped = [f"2026-01-02T03:04:05.1234567Z \x1b[1m{line}\x1b[0m\n".encode() for line in LINES]
    chunks = [b"".join(stamped[at : at + 400]) for at in range(0, len(stamped), 400)]
    assert scanned(rules, chunks) == asked(rules, chunks)
    assert scanned(rules, chunks, long=True) == asked(rules, chunks)


def by_stretches(rules: RuleSet) -> RuleSet:
    """The rules, searched for by nothing but stretches, once a log is long."""
    ways = rules.program.engine._ways
    ways[:] = [engine._Way.STRETCHES for _ in ways]
    return rules


def test_some_of_the_lines_by_stretches_alone() -> None:
    rules = by_stretches(RuleSet(BUILT_IN, {}))
    far = "".join(f"{'a' * 32}/ws/b {line}\n" for line in LINES[::4]).encode()
    assert scanned(rules, [far], long=True) == asked(rules, [far])


def test_two_patterns_that_begin_with_a_sign_and_a_number_do_not_hide_each_other() -> None:
    patterns = (
        r"\S+:\d+:(?:\d+:)? (?:fatal )?error: ",
        r"\S+:\d+ failed: port is already allocated",
    )
    rules = by_stretches(RuleSet(tuple(made(n, any=[p]) for n, p in enumerate(patterns)), {}))
    chunk = b"a" * 32 + b"x:9: error: y\n"
    assert scanned(rules, [chunk], long=True) == {("rule-0", 1)}


@pytest.mark.parametrize("quick", ["hyperscan", "re2"])
def test_places_that_are_asked_for_only_when_needed(
    monkeypatch: pytest.MonkeyPatch, quick: str
) -> None:
    monkeypatch.setattr(engine, "_CROWD", 2)
    monkeypatch.setattr(places, "_BACK", 64)
    if quick == "re2":
        monkeypatch.setattr(engine, "hyperscan", None)
    rules = RuleSet((*MADE.rules, made(5, any=["[a-z]+ [xy]:"])), {})
    lines = [f"{word} {n} {end}: host gone" for n in range(40) for word in "ab" for end in "xyz"]
    mixed = ["disk full", "Disk full", *lines, "disk full at 7", "HOST refused 3", "b y: 1"] * 3
    chunks = ["\n".join(mixed).encode() + b"\n"] * 2
    for long in (False, True):
        assert scanned(rules, chunks, long=long) == asked(rules, chunks)


@pytest.mark.parametrize(
    ("vain", "sought"),
    [
        (b"refused by it\n", rb" at port \d+: gone"),
        (b"xrefused by it at port 7: gone\n", rb"^refused by .* at port \d+: gone"),
    ],
)
def test_what_misleads_gives_way_to_something_rarer(
    monkeypatch: pytest.MonkeyPatch, vain: bytes, sought: bytes
) -> None:
    monkeypatch.setattr(engine, "_PATIENCE", 10)
    rules = RuleSet(
        (made(1, any=[r"^refused by .* at port \d+: gone"]), made(2, any=["no one at"])), {}
    )
    chunks = [*[vain * 100] * 3, b"refused by it at port 1: gone\nno one at all\n" * 50]
    assert scanned(rules, chunks, long=True) == asked(rules, chunks)
    known = rules.program.engine.best()
    assert known is not None
    found = [source.expression for source in known.sources if source.owners == [0]]
    assert found == [engine._for_hyperscan(for_scan(sought.decode()))]
    assert scanned(rules, chunks, long=True) == asked(rules, chunks)


def test_another_thread_may_count_while_one_compiles() -> None:
    shared = engine.Engine(["refused by it", "no one at all"])

    class Compared(int):
        def __ge__(self, other: int) -> bool:
            shared.may_match(1, b"something else")  # as the other thread does at such a moment
            return int(self) >= other

    shared.seen = 1 << 30
    shared._misled[0] = Compared(1)
    assert shared.best() is not None


def test_whole_patterns_that_mislead_are_compiled_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "_PATIENCE", 10)
    compiled = []
    once = engine._compiled
    monkeypatch.setattr(engine, "_compiled", lambda sources: compiled.append(1) or once(sources))
    rules = RuleSet((made(1, any=[r"^refused \d+$"]),), {})
    chunks = [b"this: was. refused 1\n" * 20] * 64
    assert scanned(rules, chunks, long=True) == asked(rules, chunks) == set()
    assert 3 < len(compiled) < 9


def test_without_hyperscan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "hyperscan", None)
    chunks = ["\n".join(LINES).encode() + b"\n"]
    rules = RuleSet(BUILT_IN, {})
    assert rules.program.engine.quick is None
    assert scanned(rules, chunks) == asked(rules, chunks)


def test_on_a_processor_that_hyperscan_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        error = hyperscan.error
        HS_MODE_BLOCK = hyperscan.HS_MODE_BLOCK

        @staticmethod
        def Database(mode: int) -> Any:
            raise hyperscan.error("HS_ARCH_ERROR")

    monkeypatch.setattr(engine, "hyperscan", Refusing)
    chunks = ["\n".join(LINES).encode() + b"\n"]
    rules = RuleSet(BUILT_IN, {})
    assert rules.program.engine.quick is None
    assert scanned(rules, chunks) == asked(rules, chunks)


def test_the_last_hit_survives_chunks_that_nearly_hit() -> None:
    rules = RuleSet((made(1, any=[r"refused by \d+$"]),), {})
    chunks = [b"refused by 1\n" * 9, b"refused by 2\n", *[b"refused by no one\n" * 50] * 5]
    assert scanned(rules, chunks) == asked(rules, chunks)
    assert ("rule-1", 10) in scanned(rules, chunks)


def test_a_hit_behind_many_lines_that_nearly_hit() -> None:
    rules = RuleSet((made(1, any=[r"refused by \d+$"]),), {})
    chunks = [b"refused by no one\n" * 500 + b"refused by 7\n" + b"refused by no one\n" * 500]
    assert scanned(rules, chunks) == {("rule-1", 501)}


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("no space left on device", {b"no space left on device"}),
        (r"a+b?c* \d+ packages? missing", {b" package missing", b" packages missing"}),
        ("(?i)Host (?:Refused|gone)", {b"host refused", b"host gone"}),
        (r"(?:broken|x)*\bpipe \w+ closed", {b" closed"}),
        ("(?:ab|refused)", None),
        (r"^\S+:\d+: [EW]\d+", None),
        (r"a\d error \d", None),
        (r"^error (?:TS\d{4}|X[12]\d*): ", {b"error TS", b"error X1", b"error X2"}),
        (
            r"^Tests run: \d+, Failures: [1-3]",
            {b", Failures: 1", b", Failures: 2", b", Failures: 3"},
        ),
    ],
)
def test_the_words_a_pattern_cannot_do_without(pattern: str, words: set[bytes] | None) -> None:
    found = literals(pattern)
    assert (set(found.words) if found else None) == words


def test_every_match_of_a_built_in_pattern_holds_a_word_of_it() -> None:
    for rule in BUILT_IN:
        for pattern in rule.patterns.everything():
            told = literals(pattern)
            for line in rule.tests.match if told else ():
                if re2.search(pattern, line) is not None:
                    text = line.lower().encode() if told and told.fold else line.encode()
                    words = told.words if told else ()
                    assert any(word in text for word in words), (pattern, line)
