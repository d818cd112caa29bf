"""Compiles a set of rules once, for scanning chunks and for checking single lines."""

from collections.abc import Sequence
from dataclasses import dataclass

import re2

from pipeline_guard.rules.conditions import EXIT_CODE
from pipeline_guard.rules.schema import Rule
from pipeline_guard.search.engine import Engine
from pipeline_guard.search.patterns import line_options


class LineCheck:
    """The exact answer whether one cleaned line hits one rule, and with which captures."""

    __slots__ = ("_all", "_any", "_none")

    def __init__(self, rule: Rule) -> None:
        self._any = [_Line(pattern) for pattern in rule.patterns.any]
        self._all = [_Line(pattern) for pattern in rule.patterns.all]
        self._none = [_Line(pattern) for pattern in rule.patterns.none]

    def captures(self, text: str) -> dict[str, str] | None:
        """Give the named groups' values when the line hits, None when it does not."""
        line = text.encode()  # RE2 asks for bytes; given text, it takes twice as long
        found: dict[str, str] = {}
        for pattern in self._all:
            named = pattern.captures(line)
            if named is None:
                return None
            found |= named
        if self._any:
            named = next((n for p in self._any if (n := p.captures(line)) is not None), None)
            if named is None:
                return None
            found |= named
        if any(pattern.captures(line) is not None for pattern in self._none):
            return None
        return found


class _Line:
    """One pattern for cleaned lines."""

    __slots__ = ("_names", "_pattern")

    def __init__(self, pattern: str) -> None:
        self._pattern = re2.compile(pattern, line_options())
        self._names: dict[str, int] = self._pattern.groupindex

    def captures(self, line: bytes) -> dict[str, str] | None:
        match = self._pattern.search(line)
        if match is None:
            return None
        told = ((name, match[index]) for name, index in self._names.items())
        return {name: value.decode("utf-8", "replace") for name, value in told if value is not None}


@dataclass(frozen=True, slots=True)
class Probe:
    """One pattern of the scanning set: which rule it serves, and as what."""

    rule: int
    pattern: str
    flag: str | None = None
    """None: a hit of the rule. "has" or "lacks": a condition of the rule on the whole log.
    "exit": the exit code printed, which conditions of any rule may ask for."""


class Program:
    """The compiled form of a list of rules; safe to share between threads and logs."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        probes = [p for i, rule in enumerate(self.rules) for p in _probes(i, rule)]
        if any(rule.where.exit_code for rule in self.rules):
            probes.append(Probe(-1, EXIT_CODE, "exit"))
        self.probes = tuple(probes)
        # A condition is met once and for all: of its places the first is mostly enough.
        met_once = {n for n, p in enumerate(probes) if p.flag in ("has", "lacks")}
        self.engine = Engine([probe.pattern for probe in probes], once=met_once)
        self._checks: dict[int, LineCheck] = {}
        self._lines: dict[int, re2._Regexp] = {}

    def line(self, probe: int) -> re2._Regexp:
        """Give a probe's own pattern, for one cleaned line."""
        if probe not in self._lines:
            self._lines[probe] = re2.compile(self.probes[probe].pattern, line_options())
        return self._lines[probe]

    def check(self, rule: int) -> LineCheck:
        """Give the exact check of a rule on one cleaned line."""
        if rule not in self._checks:
            self._checks[rule] = LineCheck(self.rules[rule])
        return self._checks[rule]


def _probes(index: int, rule: Rule) -> list[Probe]:
    # A line must match every pattern of `all`, so watching for the first of them is enough.
    lines = rule.patterns.any or rule.patterns.all[:1]
    return (
        [Probe(index, p) for p in lines]
        + [Probe(index, p, "has") for p in rule.where.log_has]
        + [Probe(index, p, "lacks") for p in rule.where.log_lacks]
    )
