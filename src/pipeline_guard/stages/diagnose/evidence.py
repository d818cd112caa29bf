"""Puts the line that names the cause first, not the last "exit code 1"."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline_guard.classifier.combine import nearness
from pipeline_guard.domain.diagnosis import EvidenceLine
from pipeline_guard.logs.excerpt import ExcerptLine
from pipeline_guard.logs.fingerprint import mask
from pipeline_guard.logs.redact import Redactor
from pipeline_guard.rules.hits import RuleHit, around

MAX_EVIDENCE = 10
_LONGEST = 1_000
_STRENGTH = {"cause": 4.0, "symptom": 2.0, "verdict": 0.5, "consequence": -2.0}
"""What a rule hit adds to the model's idea of a line, on the model's own scale (log-odds), if it
stands where the job stopped; less the farther away (by the root of the nearness)."""
_OTHER_CATEGORY = 0.7
"""Hits for another category than the one chosen count less."""
TELLING = ("cause", "symptom")
"""Lines that such rules know are no less than even, whatever the model makes of their words."""
_DETAIL = 0.7
_DETAIL_LINES = 6
"""What stands so few lines below such a line tells more of it."""
_AGAIN = 1.0
"""What each further line of one rule counts less: three failed tests say less than one and why."""
_FLOOR = -4.0
"""A line below this is not worth showing …"""
_SURE = 3
_LATER_FLOOR = -1.0
"""… nor, behind the first three, is one below this: in a short log it is only what was left."""
_SAYS_NOTHING = re.compile(
    r"[\W_]*(?:(?:\[|##\[)?(?:error|err!?|warn(?:ing)?|info|fatal|fail(?:ed|ure)?)\b[\W_]*)?$",
    re.IGNORECASE,
)
"""Rulers, empty lines and a bare level such as Maven's lone `[ERROR]`."""
_HEADING = re.compile(
    r".*:$|.*\bFailed to compile\.$|npm (?:ERR!|error) code \w+$|Scripts have compiler errors\.$"
    r"|Oops! Something went wrong! :\($|\S+\.[a-z]{2,4}:\d+(?::\d+)?(?:-\d+)?$"
)
"""Such a line says that more is coming, or where; a line of the same rule below says what."""
_LOOKS = (
    (
        re.compile(
            r"^\s*\d+\) (?:Failure|Error):$|^(?:\[error\] )?(?:Failed tests|Error during tests):$"
            r"|^(?:Script compilation errors|The conflict is caused by):$|^Failed to compile\.$"
            r"|^Execution failed for task '[^']+'\.$|^Invalid workflow file: \S+$"
        ),
        -1.0,
    ),
    (
        re.compile(
            r"^(?:\[\w+\])?\s*(?:File \"[^\"]+\", line \d+|at [\w.$<>/]+[ (]|from \S+:\d+:in )"
        ),
        -2.0,
    ),
    (re.compile(r"^\s*(?:✓|✔|√|PASS(?:ED)?\b|ok \d+\b|\[ +OK +\])"), -3.0),
    (re.compile(r"^\s*>?\s*\d+ [|│] |^\s+Node\.js v\d"), -1.5),
    (
        re.compile(
            r"^-- .* - not found$|^checking .*\.\.\. no$|^\W*(?:fail|error)s?: +0$"
            r"|^[\w. -]+ => .* => ",
            re.IGNORECASE,
        ),
        -3.0,
    ),
    (
        re.compile(
            r"^\[Pipeline\]|^Task +: |^\s*(?:in dir /|using PTY|watching logfiles|argv: )"
            r"|^Running with gitlab-runner|^(?:Executing|Getting|Preparing) |^HEAD is now at"
            r"|^Checking out \S+ as |^Post job cleanup|^(?:\$|\++) \S|^#!/|^shell: |^\s*env:$"
            r"|^  [a-z]+(?:-[a-z]+)+: \S+$|^with:$|^(?:Ubuntu \d|Current runner version)"
            r"|^##\[(?:section|group|command|(?:start|end)-action)\b|^(?:AWS|GITHUB|CI|RUNNER|npm_config)_\w+[:=]"
        ),
        -2.5,
    ),
    (
        re.compile(
            r"^\s*(?:E +)?(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Failure|Timeout)"
            r"(?: \[\w+\])?(?::\s|$)|^\*\* \(\w[\w.]*\) \S|^\s*panic: \S"
        ),
        1.0,
    ),
    (
        re.compile(
            r"^\s*(?:E +|# +|\[info\] +)?(?:(?i:expected|got|actual|received|evaluated|left|want)\b"
            r" ?[:=(]|Expected\b|Expecting\b|[Aa]ssert(?:ion)?\b|Failed asserting|Failure/Error:"
            r"|(?:REQUIRE|CHECK|ASSERT\w*|EXPECT\w*|expect)\(|\S+_test\.go:\d+: "
            r"|.* (?:did not equal|(?:is )?not equal to) )"
        ),
        1.0,
    ),
)
"""A frame of a stack tells where, the exception's own line what: measured across folds, together
they put the cause among the first three of one log in a hundred more. What passed, source that is
quoted, what a configure step did without, a count of nothing, an interpreter's settings, an
action's inputs and a platform's own doings name no cause; what was expected and what came instead
do."""


_Place = tuple[str | None, int]


@dataclass(slots=True)
class _Line:
    """What is known of a line: its worth, its text, and the first rule that it hits.

    `follows`: it only tells that something before it went wrong, such as an exit code.
    """

    score: float
    text: str
    rule: str = ""
    follows: bool = False


def choose(
    hits: Sequence[RuleHit],
    lines: Sequence[ExcerptLine],
    causes: Sequence[float],
    category: str,
    redactor: Redactor,
    stopped_at: int,
) -> tuple[EvidenceLine, ...]:
    """Give at most ten lines, most telling first, no two alike but for their numbers.

    `hits` come most telling first; `causes` are the model's log-odds that each of `lines` names
    the cause (empty without a model); `stopped_at` is the line where the job stopped.
    """
    scored: dict[_Place, _Line] = {}
    for index, line in enumerate(lines):
        if not _SAYS_NOTHING.match(line.text):
            base = causes[index] if causes else _FLOOR
            scored[line.part, line.line] = _Line(base + _look(line.text), line.text)
    own: dict[str, list[_Place]] = {}
    for hit in hits:
        if _SAYS_NOTHING.match(hit.text):
            continue
        share = 1.0 if hit.rule.category == category else _OTHER_CATEGORY
        place = (hit.part, hit.line)
        told = scored.setdefault(place, _Line(0.0, ""))
        if not told.text or told.text.endswith("…"):  # of a long line an excerpt has the beginning
            told.text = around(hit.rule, redactor.redact(hit.text))
        if share == 1.0 and hit.rule.strength in TELLING:
            told.score = max(told.score, 0.0)
            own.setdefault(hit.rule.id, []).append(place)
        near = math.sqrt(nearness(hit.order, stopped_at))
        told.score += near * share * _STRENGTH[hit.rule.strength]
        told.follows = hit.rule.strength == "consequence" and (told.follows or not told.rule)
        told.rule = told.rule or hit.rule.id
    _raise_what_follows(scored, own)
    _first_comes_first(scored, own)
    return _first_of_each(scored)


def _raise_what_follows(
    scored: Mapping[_Place, _Line], own: Mapping[str, Sequence[_Place]]
) -> None:
    """Tools name what failed, and below it say how."""
    following = {
        (part, number + step)
        for places in own.values()
        for part, number in places
        for step in range(1, _DETAIL_LINES + 1)
    }
    for place in following & scored.keys():
        if not scored[place].rule:
            scored[place].score += _DETAIL


def _first_comes_first(scored: Mapping[_Place, _Line], own: Mapping[str, Sequence[_Place]]) -> None:
    """Of one rule's hits the first in the log is the best, the next one the second best.

    Headings come behind what stands below them.
    """
    for places in own.values():
        best = sorted((scored[place].score for place in places), reverse=True)
        order = sorted(
            places,
            key=lambda place: (_HEADING.match(scored[place].text) is not None, _in_log(place)),
        )
        for place, score in zip(order, best, strict=True):
            scored[place].score = score


def _in_log(place: _Place) -> tuple[str, int]:
    return place[0] or "", place[1]


def _look(text: str) -> float:
    head = text[:_LONGEST]
    return next((worth for pattern, worth in _LOOKS if pattern.match(head)), 0.0)


def _first_of_each(scored: Mapping[_Place, _Line]) -> tuple[EvidenceLine, ...]:
    """The best lines, no two alike, and others before a rule's second and third."""
    left, seen = dict(scored), set[str]()
    met: Counter[str] = Counter()
    chosen: list[EvidenceLine] = []
    while left and len(chosen) < MAX_EVIDENCE:
        place = min(
            left, key=lambda one: (met[left[one].rule] * _AGAIN - left[one].score, _in_log(one))
        )
        line = left.pop(place)
        alike = mask(line.text).strip()
        floor = _FLOOR if len(chosen) < _SURE else _LATER_FLOOR
        if alike in seen or (chosen and (line.follows or line.score < floor)):
            continue
        seen.add(alike)
        if line.rule:
            met[line.rule] += 1
        text = line.text.strip()[:_LONGEST]
        chosen.append(EvidenceLine(place[1], text, part=place[0], rule=line.rule or None))
    return tuple(chosen)
