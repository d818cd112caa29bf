"""Scanning: the right lines with the right numbers, whatever the log looks like."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import Chunk
from pipeline_guard.rules.hits import RuleHit
from pipeline_guard.rules.load import RuleSet, load_rules
from pipeline_guard.rules.match import FIRST_HITS, LAST_HITS, Scanner, rank
from pipeline_guard.rules.schema import Rule
from pipeline_guard.search import engine
from pipeline_guard.search.fragments import fragments


def rule(pattern: str, /, **more: Any) -> Rule:
    patterns = {"any": [pattern], **more.pop("patterns", {})}
    base = {"id": "a-rule", "category": "crash", "tests": {"match": ["x"]}}
    return Rule.model_validate({**base, "patterns": patterns, **more})


def hits(log: str | bytes, *rules: Rule, platform: str | None = None) -> list[RuleHit]:
    scanner = Scanner(RuleSet(rules, {}), platform=platform)
    scanner.feed(Chunk(log.encode() if isinstance(log, str) else log, 1, None))
    return scanner.finish()


def lines(found: list[RuleHit]) -> list[int]:
    return [hit.line for hit in found]


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "2026-01-02T03:04:05.1234567Z ",
        "\ufeff2026-01-02T03:04:05.1234567Z ",
        "\x1b[36;1m",
        "2026-01-02T03:04:05.123456Z 00O ",
        "[2026-01-02T03:04:05.123Z] ",
        "[task 2026-01-02T03:04:05.123Z] ",
        "03:04:05  ",
        "[10:11:05]W:\t ",
        "[10:11:05]W:\t",
        "[10:11:05]i:\t [Step 1/2] ",
        "progress 10%\rprogress 20%\r",
        "travis_fold:start:x\r\x1b[0K",
        "build\tRun tests\t2026-01-02T03:04:05.1234567Z ",
    ],
)
@pytest.mark.parametrize("end", ["", "\r", "\x1b[0m", "  "])
@pytest.mark.parametrize("way", ["by words", "by whole patterns"])
def test_anchors_mean_the_text_a_person_sees(
    prefix: str, end: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "by whole patterns":
        monkeypatch.setattr(engine, "_SLOW_START", 0)
        monkeypatch.setattr(engine, "_MISLED", 0)
    log = f"{prefix}first\n{prefix}it \x1b[31mbroke\x1b[0m badly{end}\nlast\n"
    (hit,) = hits(log, rule("^it broke badly$"))
    assert hit.line == 2
    assert hit.text == "it broke badly"


def test_a_word_inside_a_line_is_no_line_start() -> None:
    assert hits("2026-01-02T03:04:05.1Z so it broke\n", rule("^it broke")) == []
    assert hits("it broke\rall is well\n", rule("it broke")) == []


def test_any_all_and_not_speak_about_one_line() -> None:
    one = rule("disk", patterns={"all": ["full"], "not": ["retry"]})
    log = "disk full\ndisk\nfull\ndisk full, retry\nfull disk\n"
    assert lines(hits(log, one)) == [1, 5]


def test_line_numbers_and_parts_over_chunks() -> None:
    scanner = Scanner(RuleSet((rule("broke"),), {}))
    scanner.feed(Chunk(b"a\nit broke\n", 1, "1_build.txt"))
    scanner.feed(Chunk(b"it broke\n", 3, "1_build.txt"))
    scanner.feed(Chunk(b"it broke\n", 1, "2_test.txt"))
    found = scanner.finish()
    assert [(h.part, h.line, h.order) for h in found] == [
        ("1_build.txt", 2, 2),
        ("1_build.txt", 3, 3),
        ("2_test.txt", 1, 4),
    ]


def test_of_a_rule_that_always_hits_the_first_and_last_few_are_kept() -> None:
    count = 60_000
    found = hits("it broke\n" * count, rule("broke"))
    expected = [*range(1, FIRST_HITS + 1), *range(count - LAST_HITS + 1, count + 1)]
    assert lines(found) == expected


def test_a_rule_that_goes_on_hitting_is_asked_once_for_many_chunks() -> None:
    rules, asked = RuleSet((rule("broke"),), {}), list[bytes]()
    may_match = rules.program.engine.may_match

    def ask(pattern: int, line: bytes) -> bool:
        asked.append(line)
        return may_match(pattern, line)

    rules.program.engine.may_match = ask  # type: ignore[method-assign]
    scanner = Scanner(rules)
    for number in range(1, 201):
        scanner.feed(Chunk(b"it broke\n", number, None))
    assert lines(scanner.finish()) == [1, 2, 3, 4, 5, 198, 199, 200]
    assert len(asked) < FIRST_HITS + 200 / 4


def test_conditions_on_the_whole_log() -> None:
    log = "it broke\nclient 4\nexit code 75\n"
    for where, counts in [
        ({"log_has": ["client \\d"]}, True),
        ({"log_has": ["server \\d"]}, False),
        ({"log_lacks": ["client \\d"]}, False),
        ({"log_lacks": ["server \\d"]}, True),
        ({"exit_code": [75]}, True),
        ({"exit_code": [1]}, False),
        ({"tail": 2}, False),
        ({"tail": 3}, True),
    ]:
        assert bool(hits(log, rule("broke", where=where))) is counts, where


def test_exit_codes_as_windows_prints_them() -> None:
    for code in (-1073741819, 3221225477, -1):
        log = f"it broke\nProcess exited with code {code}\n"
        assert hits(log, rule("broke", where={"exit_code": [code]})), code
        assert not hits(log, rule("broke", where={"exit_code": [1]})), code


def test_a_condition_of_the_log_asks_for_the_exact_line() -> None:
    log = "it broke\nthe client was here\n"
    assert hits(log, rule("broke", where={"log_lacks": ["^client was"]}))
    again = "it broke\nno client was here\nclient was here\n"
    assert not hits(again, rule("broke", where={"log_lacks": ["^client was"]}))


def test_platform_and_expiry() -> None:
    one = rule("broke", where={"platform": ["gitlab"]})
    assert hits("it broke\n", one, platform="gitlab")
    assert hits("it broke\n", one)
    assert not hits("it broke\n", one, platform="github")
    assert not hits("it broke\n", rule("broke", expires="2020-01-01"))
    assert hits("it broke\n", rule("broke", expires="2999-01-01"))


def test_the_step_is_the_parts_name() -> None:
    one = RuleSet((rule("broke", where={"step": "(?i)upload"}),), {})
    for part, counts in [("3_Upload.txt", True), ("2_Test.txt", False)]:
        scanner = Scanner(one)
        scanner.feed(Chunk(b"it broke\n", 1, part))
        assert bool(scanner.finish()) is counts


def test_captures_come_from_the_cleaned_line() -> None:
    (hit,) = hits("no \x1b[1mhost\x1b[0m db1\n", rule("no host (?P<host>\\S+)", captures=["host"]))
    assert hit.captures == {"host": "db1"}


def test_broken_bytes_and_other_scripts() -> None:
    (hit,) = hits(b"it br\xff\xfeoke \xe2\x80\x98x\xe2\x80\x99\n", rule("it br.*oke [‘']x[’']"))
    assert hit.line == 1
    assert hits("ошибка: é\n", rule("^ошибка: [é]$"))


def test_no_pattern_reaches_over_a_line_end() -> None:
    assert hits("foo\nbar\n", rule(r"foo[^:]*bar"), rule(r"foo\sbar")) == []


@pytest.mark.parametrize(
    "pattern", ["(?:a+)+b broke", "a.*a.*a.*a.*x broke", "(?:a|aa)+c broke", "a[ab]{60}x broke"]
)
def test_any_accepted_pattern_takes_linear_time_on_one_long_line(pattern: str) -> None:
    one = rule(pattern)

    def seconds(size: int) -> float:
        data = b"a" * size + b" broke\n"
        start = time.process_time()
        hits(data, one)
        return time.process_time() - start

    seconds(1 << 16)
    assert seconds(1 << 21) < 8 * max(seconds(1 << 19), 0.01)


def test_the_cause_comes_before_consequences_and_what_was_outlived() -> None:
    log = (
        "curl: (6) Could not resolve host: a.example.org\n"
        "FAILED tests/test_a.py::test_b - AssertionError: no\n"
        "##[error]Process completed with exit code 1.\n"
    )
    scanner = Scanner(load_rules())
    scanner.feed(Chunk(log.encode(), 1, None))
    assert lines(rank(scanner.finish())) == [2, 1, 3]


def test_a_lost_connection_that_ended_the_job_is_first() -> None:
    log = (
        "warming up\ncurl: (6) Could not resolve host: a.example.org\n"
        "Error: Process completed with exit code 6.\n"
    )
    scanner = Scanner(load_rules())
    scanner.feed(Chunk(log.encode(), 1, None))
    assert rank(scanner.finish())[0].line == 2


def _tests_of_rules() -> Iterator[tuple[str, str]]:
    for one in load_rules().rules:
        for pattern in one.patterns.any:
            for line in one.tests.match:
                yield pattern, line


def test_wherever_a_pattern_matches_one_of_its_stretches_does() -> None:
    for pattern, line in _tests_of_rules():
        if re2.search(pattern, line):
            assert any(re2.search(part, line) for part in fragments(pattern)), (pattern, line)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab01 :.\x1b[m\r\t", max_size=60))
def test_the_scan_finds_what_the_cleaned_line_says(text: str) -> None:
    pattern = r"^a+b?:? ?[01]|b{2}.*0$"
    expected = re2.search(pattern, clean_line(text.encode())) is not None
    assert bool(hits(text + "\n", rule(pattern))) is expected, repr(text)
