"""Evidence: the line that names the cause first, whatever else the log says loudly."""

import io

import pytest

from pipeline_guard.classifier.predict import Model
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.rules.load import load_rules
from pipeline_guard.stages.diagnose.judge import Judge


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(load_rules(), None)


def judged(judge: Judge, log: str, *, failed: bool | None = None) -> Diagnosis:
    return judge.judge(io.BytesIO(log.encode()), failed=failed)


RUNNERS = [
    (
        "FAILED tests/test_cart.py::test_total - assert 3 == 4\n1 failed, 8 passed in 0.20s\n",
        "test_total",
    ),
    ("test cart::adds ... FAILED\ntest result: FAILED. 8 passed; 1 failed; 0 ignored\n", "adds"),
    (
        "[ERROR] CartTest.adds:12 expected: <2> but was: <1>\n[ERROR] \n[ERROR] Failed tests\n",
        "CartTest.adds",
    ),
    (
        "  12:7  error  'x' is never used  no-unused-vars\n✖ 1 problem (1 error, 0 warnings)\n",
        "12:7",
    ),
    ("--- FAIL: TestAdd (0.00s)\nFAIL\nFAIL\texample.org/app\t0.004s\n", "TestAdd"),
]


@pytest.mark.parametrize(("log", "wanted"), RUNNERS)
def test_what_failed_stands_before_how_many_failed(judge: Judge, log: str, wanted: str) -> None:
    found = judged(judge, log + "##[error]Process completed with exit code 1.\n")
    assert found.category in ("test_failure", "lint_format")
    assert wanted in found.evidence[0].text


HEADINGS = [
    'File "src/cart.ml", line 12, characters 5-8:\nError: Unbound value totl\n',
    "src/Cart.hs:12:5: error:\n    Variable not in scope: totl\n",
    "Failed to compile.\n\n./app/page.tsx:12:5\nType error: Cannot find name 'totl'.\n",
]


@pytest.mark.parametrize("log", HEADINGS)
def test_what_is_wrong_stands_before_the_heading_above_it(judge: Judge, log: str) -> None:
    found = judged(judge, log + "##[error]Process completed with exit code 1.\n")
    assert found.category == "compile_error"
    assert "totl" in found.evidence[0].text


def test_the_exception_stands_before_its_frames(judge: Judge) -> None:
    log = (
        "Traceback (most recent call last):\n"
        '  File "run.py", line 3, in <module>\n'
        '  File "lib.py", line 9, in go\n'
        "ShapeError: the tensor has three corners\n"
    )
    texts = [line.text for line in judged(judge, log).evidence]
    assert "ShapeError: the tensor has three corners" in texts
    assert not any(text.startswith("File ") for text in texts)


def test_rulers_and_bare_levels_are_no_evidence(judge: Judge) -> None:
    log = "[ERROR] \n------\n##[error]\nodd: the widget is bent\n"
    assert [line.text for line in judged(judge, log, failed=True).evidence] == [
        "odd: the widget is bent"
    ]


def test_what_is_left_of_a_short_log_is_no_evidence(judge: Judge) -> None:
    plain = [f"{word} is set up" for word in ("alpha", "beta", "gamma", "delta", "epsilon")]
    cause = "curl: (6) Could not resolve host: a.example.org"
    told = "\n".join([*plain, cause, "##[error]Process completed with exit code 6."])
    evidence = judged(judge, told + "\n").evidence
    assert evidence[0].text == cause
    assert len(evidence) == 3


def test_an_exit_code_is_evidence_only_where_nothing_else_is() -> None:
    judge = Judge(load_rules(), Model())
    end = "##[error]Process completed with exit code 1."
    cause = "FAILED tests/test_cart.py::test_total - assert 3 == 4"
    assert [line.text for line in judged(judge, f"{cause}\n{end}\n").evidence] == [cause]
    assert judged(judge, f"make\n{end}\n").evidence[0].text == end


def test_a_trouble_that_the_job_survived_for_long_is_not_re_run(judge: Judge) -> None:
    trouble = "curl: (56) Recv failure: Connection reset by peer\n"
    end = "##[error]Process completed with exit code 1.\n"
    assert judged(judge, trouble + end).transient
    assert not judged(judge, trouble + "building part\n" * 5_000 + end).transient


def test_what_the_kernel_killed_is_not_re_run_as_a_lost_runner(judge: Judge) -> None:
    lost = "##[error]The runner has received a shutdown signal.\n"
    assert judged(judge, lost).transient
    killed = "run.sh: line 51:  812 Killed                  make image\n"
    assert not judged(judge, killed + lost).transient


def test_a_time_limit_is_a_timeout_and_a_cancel_is_cancelled(judge: Judge) -> None:
    cancel = "##[error]The operation was canceled.\n"
    limit = "##[error]The job has exceeded the maximum execution time of 6h0m0s\n"
    assert judged(judge, "make\n" + cancel).category == "cancelled"
    assert judged(judge, "make\n" + limit + cancel).category == "timeout"


@pytest.mark.parametrize("log", ["", "\n \n"])
def test_an_empty_log_of_a_failed_job_is_unknown(judge: Judge, log: str) -> None:
    assert judged(judge, log, failed=True).category == "unknown"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_colours_and_encodings_change_nothing(
    judge: Judge, encoding: str, end: str
) -> None:
    lines = [
        "make",
        "\x1b[31m--- FAIL: TestAdd (0.00s)\x1b[0m",
        "Process completed with exit code 1.",
    ]
    found = judge.judge(io.BytesIO((end.join(lines) + end).encode(encoding)))
    assert found.category == "test_failure"
    assert found.failed_tests == ("TestAdd",)


def test_a_line_that_a_rule_hits_names_the_rule(judge: Judge) -> None:
    found = judged(
        judge, "building\nodd: bent\ncurl: (56) Recv failure: Connection reset by peer\n"
    )
    assert found.rule
    assert {line.line: line.rule for line in found.evidence} == {
        3: found.rule,
        2: None,
        1: None,
    }


def test_of_a_long_line_the_cause_is_shown_and_not_the_beginning(judge: Judge) -> None:
    long = 'failed to solve: process "/bin/sh -c ' + "apt-get install -y some-package && " * 60
    cause = (
        "request to https://npm.example.org failed, reason: getaddrinfo ENOTFOUND npm.example.org"
    )
    found = judged(judge, f"{long}{cause} {'and so on, ' * 200}\n", failed=True)
    assert cause in found.evidence[0].text
    assert len(found.evidence[0].text) <= 1_000


@pytest.mark.parametrize("inside", [4, 10, 20, 28])
def test_a_secret_at_the_border_of_two_chunks_stays_hidden(judge: Judge, inside: int) -> None:
    """A line longer than a chunk is read in pieces, and JSON may have no space to cut it at."""
    secret = "Qx7Rw2Lm9Vb4Kd8Tz3Hp6Nc1Jf5Gs0Ya"
    before = '{"a":"' + "x," * (1 << 17)
    before = before[: (1 << 18) - inside - len('"api_token":"')] + '"api_token":"'
    cause = (
        "request to https://npm.example.org failed, reason: getaddrinfo ENOTFOUND npm.example.org"
    )
    found = judged(judge, f'{before}{secret}","text":"{cause}"}}\n', failed=True)
    shown = found.excerpt + "".join(line.text for line in found.evidence)
    assert "ENOTFOUND" in shown
    assert not any(secret[at : at + 5] in shown for at in range(len(secret) - 4))
