"""The rules that ship: valid, tested, honest, and covering every category."""

import pytest

from pipeline_guard.domain.diagnosis import CATEGORIES
from pipeline_guard.logs.read import Chunk
from pipeline_guard.rules.load import load_rules
from pipeline_guard.rules.match import Scanner, rank
from pipeline_guard.rules.schema import Rule
from pipeline_guard.rules.selftest import run_tests

RULES = load_rules()


def top(log: str) -> str | None:
    scanner = Scanner(RULES)
    scanner.feed(Chunk(log.encode(), 1, None))
    hits = rank(scanner.finish())
    return hits[0].rule.category if hits else None


def test_there_are_at_least_two_hundred_and_every_category_has_one() -> None:
    assert len(RULES.rules) >= 200
    assert {rule.category for rule in RULES.rules} == set(CATEGORIES)


def test_every_shipped_rule_is_one_that_a_user_could_have_written() -> None:
    """Loading them leaves this out, because it is done here."""
    for rule in RULES.rules:
        assert Rule.model_validate(rule.model_dump(by_alias=True)) == rule


def test_every_rule_has_lines_that_must_and_must_not_hit() -> None:
    assert [r.id for r in RULES.rules if not (r.tests.match and r.tests.no_match)] == []


def test_the_inline_tests_pass() -> None:
    assert run_tests(RULES.rules) == []


def test_every_rule_says_whether_a_rerun_heals_unless_it_cannot_know() -> None:
    silent = [r.id for r in RULES.rules if r.transient is None]
    assert len(silent) < 10, silent


def test_no_line_that_must_hit_one_rule_is_called_a_passed_job() -> None:
    for rule in RULES.rules:
        if rule.where.log_has:  # its line means nothing without the rest of the log
            continue
        for line in rule.tests.match:
            if rule.category != "none":
                assert top(line + "\n") not in (None, "none"), (rule.id, line)


@pytest.mark.parametrize(
    "line",
    [
        "0 errors, 0 warnings",
        "BUILD SUCCESS",
        "npm WARN deprecated request@2.88.2: request has been deprecated",
        "Killed",
        "error",
        "waiting up to 60s for a timeout that never comes",
        "test_connection_refused ... ok",
        "PASSED tests/test_net.py::test_timeout",
        "--- PASS: TestOutOfMemory (0.00s)",
        "Tests run: 12, Failures: 0, Errors: 0, Skipped: 0",
        "WARNING: Retrying (Retry(total=4)) after connection broken by ReadTimeoutError",
        "checking whether malloc(0) returns non-null... yes",
        "Downloaded from central: https://repo.example.org/org/error/errors-1.0.jar",
        "I0101 handler for 503 responses registered",
    ],
)
def test_harmless_lines_hit_nothing(line: str) -> None:
    assert top(f"2026-01-02T03:04:05.1234567Z {line}\n") is None


def test_a_passed_job_is_called_passed_in_spite_of_alarming_lines() -> None:
    log = "curl: (22) The requested URL returned error: 404\nDone. Your build exited with 0.\n"
    assert top(log) == "none"
