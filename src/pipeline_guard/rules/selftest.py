"""Runs the tests that stand inside rules: lines that must hit and lines that must not."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline_guard.logs.clean import clean_line
from pipeline_guard.logs.read import Chunk
from pipeline_guard.rules.load import RuleSet
from pipeline_guard.rules.match import Scanner
from pipeline_guard.rules.program import LineCheck
from pipeline_guard.rules.schema import Rule, Where


@dataclass(frozen=True, slots=True)
class Broken:
    """A test line that did not do what its rule says."""

    rule: str
    line: str
    expected: bool
    """True: it should have hit."""


def run_tests(rules: Iterable[Rule]) -> list[Broken]:
    """Run every rule's own tests; gives those that fail.

    A line that must hit is tried twice: by itself, and through the scanner behind a platform's
    timestamp, so that what is tested is what happens to a log.
    """
    broken: list[Broken] = []
    for rule in rules:
        check = LineCheck(rule)
        alone = RuleSet((rule.model_copy(update={"where": Where(), "expires": None}),), {})
        broken += [
            Broken(rule.id, line, expected=True)
            for line in rule.tests.match
            if check.captures(_cleaned(line)) is None or not _scanned(alone, line)
        ]
        broken += [
            Broken(rule.id, line, expected=False)
            for line in rule.tests.no_match
            if check.captures(_cleaned(line)) is not None
        ]
    return broken


def _cleaned(line: str) -> str:
    return clean_line(line.encode())


def _scanned(rules: RuleSet, line: str) -> bool:
    scanner = Scanner(rules)
    scanner.feed(Chunk(f"2026-01-02T03:04:05.6789012Z {line}\n".encode(), 1, None))
    return bool(scanner.finish())
