"""Tells troubles that a job survived: what was tried again, and what success came after."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from pipeline_guard.logs.excerpt import ExcerptLine
from pipeline_guard.rules.hits import RuleHit
from pipeline_guard.rules.ranking import transient

_AGAIN: Final = re.compile(
    r"(?i)\b(?:will (?:be )?retr(?:y|ied)|retrying|retry(?:ing)? (?:in|after|scheduled|#?\d)"
    r"|trying again|(?:trying|using) (?:the )?(?:next |another |other )?mirror"
    r"|(?:will|'ll|to) try again in|retries (?:left|remaining)|tries remaining"
    r"|attempts? (?:left|remaining)|attempt #?\d+ failed[,;:.]+ (?:sleep|wait|retry|try)ing"
    r"|attempt #?\d+(?: of |/)\d+|back(?:ing)? off|ignoring repositories)\b"
)
_LAST_TRY: Final = re.compile(
    r"Retry\(total=0\b|(?i:\b(?:no|0) (?:more )?(?:retries|attempts|tries)\b)"
)
_LET_GO: Final = re.compile(r"\++ (?:true|:)$")
"""What the shell prints of `|| true`."""
_COMMAND: Final = re.compile(r"\++ \S")
_COMPARED: Final = re.compile(
    r"(?i)\W*(?:E +)?(?:[\w.]*(?:error|exception|failure): )?"
    r"(?:expect(?:ed|ing|ation)\b.*\b(?:got|but|actual(?:ly)?|received"
    r"|to (?:be|not|have|equal|raise|throw|match|contain|include|respond))\b|assert\b.* [!=]= )"
)
"""What a test wanted beside what it saw."""
_COMMAND_LINES: Final = 6
"""So many lines a command may print after its trouble before the shell prints the next one."""
_IGNORED: Final = re.compile(r"\.\.\.ignoring$|.*\((?:ignored|allowed to fail)\)$")
"""What Ansible and make say of a failure that they were told to pass over."""
_Place = tuple[str | None, int]
_WARNING: Final = re.compile(r"\W*(?:W:|warn(?:ing)?\b)", re.IGNORECASE)
_NOTHING: Final = re.compile(
    r"\W*(?:0 (?:failed|failures?|errors?)\b(?!.*\b[1-9]\d* (?:fail|error))"
    r"|(?:fail(?:ed|ures?)?|errors?): +0$)",
    re.IGNORECASE,
)
_LOCAL: Final = re.compile(r"(?i)\blocalhost\b|\b127\.0\.0\.\d|\[?::1\b|\b0\.0\.0\.0\b")
_REMOTE: Final = re.compile(r"(?i)\bhttps?://(?!localhost|127\.|0\.0\.0\.0|\[)")
_FETCHING: Final = re.compile(r"fatal: unable to access '")
"""A job hardly starts the server that it fetches a repository from, wherever that one runs."""
_AROUND: Final = (-3, -2, -1, 1, 2, 3)
_NEXT_LINES: Final = 3
"""So soon after a trouble a tool says that it tries again."""
_TAIL: Final = 25
_SUCCESS: Final = re.compile(
    r"PASS$|# PASS: +[1-9]|ok  ?\t?\S+\s+[\d.]+s\b|OK(?: \(\d+ tests?.*\))?$"
    r"|(?:\[INFO\] )?BUILD SUCCESS(?:FUL)?\b"
    r"|=+ (?:\d+ (?:passed|skipped|deselected|xfailed|xpassed|warnings?)(?:, )?)+ in .*=+$"
    r"|\s*Tests: +(?:\d+ (?:skipped|todo), )?\d+ passed, \d+ total|\s*\d+ (?:passed|passing)\b"
    r"|100% tests passed|test result: ok\.|\d+ examples?, 0 failures"
    r"|\d+ (?:runs|tests), .*\b0 failures, 0 errors"
    r"|(?:All )?(?:\d+ )?(?:tests|checks) (?:have )?passed"
    r"|\d+ (?:\w+, \d+ )?(?:tests?|specs?), 0 failures|\d+ successes / 0 failures / 0 errors"
    r"|TOTAL: \d+ SUCCESS$|.*\bExecuted (?P<all>\d+) of (?P=all) (?:\(skipped \d+\) )?SUCCESS\b"
    r"|All tests successful\.$|Result: PASS$|(?P<each>\d+)/(?P=each) tests passed"
    r"|Passed!  - Failed: +0,|Test Run Successful\.$|Test run summary: Passed!"
    r"|\[  PASSED  \] \d+ tests?\.$|OK \(\d+ tests?, \d+ assertions?\)$|\[ FAIL 0 \| WARN \d"
    r"|\[info\] All tests passed\.$|\[success\] |\[doctest\] Status: SUCCESS!"
    r"| *(?:Test Files|Tests) +(?:\d+ skipped \| )?\d+ passed|\d+ scenarios? \(\d+ passed\)$"
    r"|Executed \d+ tests?, with 0 failures \(0 unexpected\)|\*\* \w+ SUCCEEDED \*\*"
    r"|\d\d:\d\d \+\d+(?: ~\d+)?: All tests passed!|Test suite \S+: PASS$"
    r"|\d+ files? inspected, no offenses detected|Found 0 errors\.$|No issues found!"
    r"|Complete!$|.* saved \[\d+(?:/\d+)?\]$|\S+ +: ok=\d.* unreachable=0 +failed=0 "
    r"|Success: no issues found|.*\bsucceeded\b|Successfully \w+|added \d+ packages"
    r"|.*\bsuccessfully (?:rolled out|installed|built|deployed|completed|finished|uploaded|pushed"
    r"|published|tagged|configured)| *(?:✨ +)?(?:Build|Deployment|Done|Finished)\b.*"
    r"(?:successful|finished[. ]|complete[d.]?$|in [\d.]+ ?m?s)|\[100%\] Built target|No changes\. "
)
_PASSED: Final = (
    r"\d+ passed(?:, \d+ (?:skipped|deselected|xfailed|xpassed|warnings?|rerun|reruns))* in "
)
_ALL_PASSED: Final = re.compile(
    rf"=+ {_PASSED}.*=$|{_PASSED}[\d.]+m?s"
    r"|ok  ?\t?\S+\s+(?:[\d.]+s|\(cached\))|All tests successful\.$|Result: PASS$"
    r"|Ran [1-9]\d* tests? in [\d.]+s$|OK \([\w =,]+\)$|100% tests passed|# pass +[1-9]"
    r"|\d+ (?:examples?|tests?|runs?), (?:\d+ assertions?, )?0 failures|\d+ passing\b"
    r"|Tests: +(?:\d+ \w+, )*\d+ passed, \d+ total|(?:\[INFO\] )?BUILD SUCCESS(?:FUL)?\b"
    r"|\S+ +: ok=\d.* unreachable=0 +failed=0 |build succeeded(?:, \d+ warnings?)?\.$"
    r"|Success: no issues found|\[  PASSED  \] \d+ tests?\.$"
)
"""The last word of a tool that counts or names each failure of its own, and found none."""
_TROUBLE: Final = re.compile(
    r"\s*(?:\S+ ){0,3}?(?:ERROR|FAIL(?:ED|URE)?|FATAL|fatal|panic|Traceback|[Ee]rror)\b"
    r"|[\w.$]+(?:Error|Exception): \S|.*\b[Ee]xited with code '?[1-9]|# (?:fail|cancelled) +[1-9]"
    r"|.*\b(?:FAIL|FAILED|ERROR):(?! +0\b) |.*\b(?:[1-9]\d* (?:failed|failing|failures?|errors?))\b"
)
_STATED: Final = re.compile(
    r"(?:\S+\s+){0,4}(?:FAIL|FAILED|ERROR|FATAL)(?::(?! *0$)| -|$)"
    r"|(?:fatal|error|Error|panic)(?:\[\w+\])?: \S"
    r"|Caused by: \S|\S+ returned (?:exit )?(?:status )?code [1-9]"
    r"|E: \S|Err:\d+ \S|\[!\] \S|\*\* \([\w.]+\) \S|Exit status: [1-9]"
    r"|\s*ERR_[A-Z_]+[A-Z\d]\b|(?:(?:Type|Reference|Syntax|Range)Error|Caught): \S"
)
"""What most tools say; at the end what apt, CocoaPods, fastlane, Elixir, pnpm and Node say."""


def weakened(hits: Sequence[RuleHit], lines: Sequence[ExcerptLine]) -> list[RuleHit]:
    """Give the hits; those that were tried again, let go or all the job's own are worth no
    more than a consequence.
    """
    texts = {(line.part, line.line): line.text for line in lines}
    return [
        replace(hit, rule=hit.rule.model_copy(update={"strength": "consequence"}))
        if _passed_over(hit.text, _below(hit, texts))
        or (transient(hit.rule) and _harmless(hit, texts))
        else hit
        for hit in hits
    ]


def got_over(lines: Sequence[ExcerptLine]) -> list[bool]:
    """Tell of each line whether the job passed over it, or it only warns or counts nothing."""
    texts = {(line.part, line.line): line.text for line in lines}
    return [
        _WARNING.match(line.text) is not None
        or _NOTHING.match(line.text) is not None
        or _passed_over(line.text, _below(line, texts))
        or _again(line.text, _below(line, texts))
        for line in lines
    ]


def _harmless(hit: RuleHit, texts: Mapping[_Place, str]) -> bool:
    """Tried again, the job's own server, what a test compared, or a command the shell prints."""
    if _COMMAND.match(hit.text) or _COMPARED.match(hit.text):
        return True
    return _again(hit.text, _below(hit, texts)) or _is_local(hit, texts)


def _is_local(hit: RuleHit, texts: Mapping[_Place, str]) -> bool:
    """The job's own server did not answer: the network between machines has no part in it."""
    if hit.rule.category != "network_transient" or _FETCHING.search(hit.text):
        return False
    near = [hit.text, *(texts.get((hit.part, hit.line + step), "") for step in _AROUND)]
    return any(map(_LOCAL.search, near)) and not any(map(_REMOTE.search, near))


def _below(line: RuleHit | ExcerptLine, texts: Mapping[_Place, str]) -> list[str]:
    return [texts.get((line.part, line.line + step), "") for step in range(1, _COMMAND_LINES + 1)]


def _passed_over(text: str, below: Sequence[str]) -> bool:
    if any(map(_IGNORED.match, (text, *below[:_NEXT_LINES]))):
        return True
    command = next((line for line in below if _COMMAND.match(line)), "")
    return _LET_GO.match(command) is not None


def _again(text: str, below: Sequence[str]) -> bool:
    near = (text, *below[:_NEXT_LINES])
    return any(map(_AGAIN.search, near)) and not any(map(_LAST_TRY.search, near))


def ended_well(lines: Sequence[ExcerptLine], troubles: Collection[RuleHit]) -> bool:
    """Tell whether a log without a verdict ends with a tool's word of success, no trouble after.

    `lines` are the excerpt's, whose last ones are the log's last ones.
    """
    places = {(hit.part, hit.line) for hit in troubles}
    for line in reversed(lines[-_TAIL:]):
        if _NOTHING.match(line.text):
            continue
        if (line.part, line.line) in places or _TROUBLE.match(line.text):
            return False
        if _SUCCESS.match(line.text):
            return True
    return False


def all_passed(lines: Sequence[ExcerptLine], outlasting: Collection[RuleHit]) -> bool:
    """Tell whether a log without a verdict ends with a tool's count of nothing but success.

    What the tool printed before, be it a test's own noise or a failure that was expected, it has
    counted, but nothing that is `outlasting`, and no trouble that comes after.
    """
    return not outlasting and any(map(_ALL_PASSED.match, _last_words(lines)))


def _last_words(lines: Sequence[ExcerptLine]) -> list[str]:
    """The texts of the last few lines, back to the last that speaks of trouble."""
    words: list[str] = []
    for line in reversed(lines[-_TAIL:]):
        if _NOTHING.match(line.text) is None and _TROUBLE.match(line.text):
            break
        words.append(line.text)
    return words


def mentions_failure(lines: Sequence[ExcerptLine]) -> bool:
    """Tell whether any line says in a tool's way that something failed."""
    return any(_STATED.match(line.text) for line in lines)
