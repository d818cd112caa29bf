"""Judging a log: is there a failure, what caused it, which line says so."""

import io
from pathlib import Path

import pytest

from pipeline_guard.classifier.predict import Model
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.errors import LogError
from pipeline_guard.rules.load import load_rules
from pipeline_guard.stages.diagnose.judge import RERUN_UNTRIED, Judge, rerun_chance

RULES = """
rules:
  - id: own-disk
    category: disk_full
    patterns: {any: ['No room left on (?P<disk>\\S+)']}
    captures: [disk]
    transient: false
    advice: "Free {disk}."
    tests: {match: ['No room left on vda']}
  - id: own-login
    category: auth_permission
    patterns: {any: ['login failed with password=(?P<given>\\S+) for (?P<who>\\w+)']}
    captures: [given, who]
    advice: "{who} may not log in with {given}."
    tests: {match: ['login failed with password=x for bob']}
  - id: own-gate
    category: network_transient
    patterns: {any: ['gateway hiccup']}
    transient: true
    tests: {match: ['gateway hiccup']}
  - id: own-agent
    category: infra_runner
    patterns: {any: ['agent fell over']}
    transient: true
    tests: {match: ['agent fell over']}
  - id: own-end
    category: unknown
    strength: consequence
    patterns: {any: ['exited with 1']}
    tests: {match: ['exited with 1']}
"""


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "own.yaml").write_text(RULES)
    return Judge(load_rules([folder], builtin=False), None)


@pytest.fixture(scope="module")
def shipped() -> Judge:
    return Judge(load_rules(), Model())


def _say(judge: Judge, *lines: str, **more: object) -> Diagnosis:
    data = "".join(line + "\n" for line in lines).encode()
    return judge.judge(io.BytesIO(data), **more)  # type: ignore[arg-type]


def test_a_rule_names_the_cause(judge: Judge) -> None:
    found = _say(judge, "work", "write: No room left on vda", 'The command "x" exited with 1.')
    assert (found.category, found.source, found.rule) == ("disk_full", "rule", "own-disk")
    assert (found.evidence[0].line, found.evidence[0].text) == (2, "write: No room left on vda")
    assert found.advice == "Free vda."
    assert not found.transient
    assert (found.bytes, found.lines) == (63, 3)


def test_the_rule_decides_what_a_rerun_would_do(judge: Judge) -> None:
    assert _say(judge, "gateway hiccup", "exited with 1").transient


def test_which_of_two_passing_troubles_it_was_does_not_matter(judge: Judge) -> None:
    log = b"gateway hiccup\nagent fell over\nNo room left on vda\n"
    reading = judge.read(io.BytesIO(log))

    def chance(top: str, **confidences: float) -> float:
        return rerun_chance(reading, top, confidences, {})

    both = chance("network_transient", network_transient=0.5, infra_runner=0.5)
    assert both == pytest.approx(RERUN_UNTRIED)
    one = chance("network_transient", network_transient=0.5, disk_full=0.5)
    assert one == pytest.approx(RERUN_UNTRIED / 2)
    assert chance("disk_full", disk_full=0.4, network_transient=0.3, infra_runner=0.3) == 0


def test_the_cause_near_the_stop_beats_trouble_that_was_survived(judge: Judge) -> None:
    noise = [f"step {number} is fine" for number in range(2000)]
    found = _say(judge, "gateway hiccup", *noise, "No room left on vda", "make exited with 1")
    assert found.category == "disk_full"
    assert found.evidence[0].text == "No room left on vda"
    assert "network_transient" in {candidate.category for candidate in found.candidates}


def test_a_log_without_failure(judge: Judge) -> None:
    for lines in (["all good"], ["gateway hiccup", "retried, fine", "Finished: SUCCESS"], []):
        found = _say(judge, *lines)
        assert (found.category, found.transient, found.evidence) == ("none", False, ())


def test_the_platform_knows_best(judge: Judge) -> None:
    assert _say(judge, "all good", failed=True).category == "unknown"
    assert _say(judge, "No room left on vda", failed=False).category == "none"
    assert _say(judge, failed=True).category == "unknown"


def test_trouble_that_nobody_knows_is_unknown(judge: Judge) -> None:
    found = _say(judge, "the frobnicator bent", "##[error]Process completed with exit code 3.")
    assert (found.category, found.source, found.transient) == ("unknown", "none", False)


def test_the_platforms_remarks_are_read_too(judge: Judge) -> None:
    found = _say(judge, "quiet", failed=True, extra_lines=["No room left on vdb"])
    assert found.category == "disk_full"
    assert found.evidence[0].line == 2


def test_a_remark_cut_within_a_character_is_read(judge: Judge) -> None:
    found = _say(judge, "quiet", failed=True, extra_lines=["No room left on vdb \ud83d"])
    assert found.category == "disk_full"


def test_secrets_show_nowhere(judge: Judge) -> None:
    secret = "ghp_" + "A1b2C3d4E5f6G7h8I9j0" * 2
    found = _say(judge, f"No room left on {secret}", "exited with 1")
    assert found.category == "disk_full"
    assert secret not in repr(found)


def test_a_captured_secret_shows_nowhere_and_names_no_cause(judge: Judge) -> None:
    found = [
        _say(judge, f"login failed with password={given} for bob", "exited with 1")
        for given in ("correcthorse", "batterystaple")
    ]
    assert found[0].rule == "own-login"
    assert found[0].advice == "bob may not log in with [redacted]."
    assert found[0].fingerprint == found[1].fingerprint


def test_the_fingerprint_is_of_the_cause(judge: Judge) -> None:
    def name(*lines: str) -> str:
        return _say(judge, *lines, "exited with 1").fingerprint

    assert name("12:00:01 No room left on vda") == name("x", "13:59:59 No room left on vda")
    assert name("No room left on vda") != name("No room left on home")
    assert name("No room left on vda") != name("gateway hiccup")


DIFF = """\
would reformat src/shop.py
--- src/shop.py
+++ src/shop.py
@@ -1,2 +1,2 @@
 import os
-def total( a,b ):
+def total(a, b):
"""


def test_a_formatters_fingerprint_is_of_the_files_it_would_change() -> None:
    def name(log: str) -> str:
        found = judge.judge(io.BytesIO(f"{log}1 file would be reformatted\n".encode()), failed=True)
        assert found.category == "lint_format"
        return found.fingerprint

    judge = Judge(load_rules(), Model())
    other_lines = DIFF.replace("total", "sum_of_all").replace("import os", "import sys")
    assert name(DIFF) == name(other_lines)
    assert name(DIFF) != name(DIFF.replace("shop", "cart"))


def test_a_newly_trained_model_changes_no_fingerprint_of_a_known_cause() -> None:
    log = b"building part 1\ncurl: (6) Could not resolve host: a.example.org\nerror: stop\n"
    with_model, without = (
        Judge(load_rules(), model).judge(io.BytesIO(log)).fingerprint for model in (Model(), None)
    )
    assert with_model == without


def test_failed_tests_are_named(judge: Judge) -> None:
    found = _say(judge, "FAILED tests/test_a.py::test_b - assert 1 == 2", "1 failed in 0.1s")
    assert found.failed_tests == ("tests/test_a.py::test_b",)


def test_binary_garbage_is_never_a_silent_none(judge: Judge) -> None:
    with pytest.raises(LogError, match="no text"):
        judge.judge(io.BytesIO(bytes(range(256)) * 200))


def test_an_empty_log_says_so(judge: Judge) -> None:
    found = judge.judge(io.BytesIO(b""))
    assert (found.category, found.notes) == ("none", ("the log is empty",))
    assert found.confidence < 0.9


def test_an_unreadable_archive_is_an_error(judge: Judge) -> None:
    with pytest.raises(LogError):
        judge.judge(io.BytesIO(b"\x1f\x8b\x08\x00broken"))


def test_a_missing_file_is_an_error(judge: Judge, tmp_path: Path) -> None:
    with pytest.raises(LogError):
        judge.judge(tmp_path / "none.log")


def test_the_shipped_model_adds_its_word() -> None:
    judge = Judge(load_rules(), Model())
    found = _say(
        judge,
        "collected 3 items",
        "tests/test_a.py::test_b FAILED",
        "E       AssertionError: assert 1 == 2",
        "FAILED tests/test_a.py::test_b - AssertionError: assert 1 == 2",
        "##[error]Process completed with exit code 1.",
    )
    assert found.category == "test_failure"
    assert "test_b" in " ".join(line.text for line in found.evidence[:3])
    assert sum(candidate.confidence for candidate in found.candidates) <= 1.0001


@pytest.mark.parametrize(
    ("reason", "category", "transient"),
    [
        ("runner_system_failure", "infra_runner", True),
        ("stuck_or_timeout_failure", "infra_runner", True),
        ("api_failure", "infra_runner", True),
        ("runner_unsupported", "infra_runner", False),
        ("job_execution_timeout", "timeout", False),
        ("ci_quota_exceeded", "rate_limit", False),
        ("missing_dependency_failure", "resource_not_found", False),
        ("script_failure", "unknown", False),
        ("unknown_failure", "unknown", False),
        ("something_new", "unknown", False),
    ],
)
def test_without_a_log_gitlabs_reason_tells_the_cause_or_nothing_does(
    shipped: Judge, reason: str, category: str, transient: bool
) -> None:
    remarks = [f"failure_reason: {reason}", "tries: 2"]
    found = _say(shipped, platform="gitlab", failed=True, extra_lines=remarks)
    assert (found.category, found.transient) == (category, transient)
    assert found.source == ("none" if category == "unknown" else "rule")
    assert found.evidence[0].text == remarks[0]
