"""Survived troubles: what was tried again counts for little, and success comes last or not."""

import io

import pytest

from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.logs.excerpt import ExcerptLine
from pipeline_guard.rules.load import load_rules
from pipeline_guard.stages.diagnose.judge import Judge
from pipeline_guard.stages.diagnose.survived import got_over

RESET = "curl: (56) Recv failure: Connection reset by peer"


def judged(*lines: str) -> Diagnosis:
    log = "".join(f"{line}\n" for line in lines).encode()
    return Judge(load_rules(), None).judge(io.BytesIO(log))


def test_a_retried_download_is_no_failure() -> None:
    found = judged(RESET, "Warning: Will retry in 1 seconds. 3 retries left.", "all good")
    assert found.category == "none"


def test_a_loop_that_says_that_it_waits_is_no_failure() -> None:
    failed = "curl: (22) The requested URL returned error: 503"
    said = (failed, "attempt 1 failed, sleeping", "downloaded on attempt 2", "packed the cart")
    assert judged(*said).category == "none"
    assert judged(failed, "attempt 1 failed", "no cart").transient


@pytest.mark.parametrize(
    "said",
    [
        "E: Package 'acme' has no installation candidate, and never had one",
        "Err:7 https://deb.example.org stable/main amd64 Packages",
        "[!] The lane has an ending of its own",
        "** (Mix) The acme task does not know what to do",
        "[12:34:56]: Exit status: 74",
        "TypeError: Cannot read properties of undefined (reading 'cart')",
        " ERR_PNPM_ACME  The acme of this workspace is of its own kind",
    ],
)
def test_a_tool_that_never_says_error_says_in_its_way_that_it_failed(said: str) -> None:
    assert judged("getting started", said).category != "none"


def test_what_is_let_go_is_no_failure() -> None:
    missing = "rm: cannot remove 'build': No such file or directory"
    assert judged("+ rm build", missing, "+ true", "+ make", "built").category == "none"


def test_a_server_of_the_jobs_own_is_not_the_network() -> None:
    refused = "urllib.error.URLError: <urlopen error [Errno 111] Connection refused>"
    remote = judged("urlopen('https://files.example.org/a')", refused)
    assert (remote.category, remote.transient) == ("network_transient", True)
    own = judged("urlopen('http://localhost:8080/a')", refused)
    assert not own.transient


@pytest.mark.parametrize(
    "compared",
    [
        "expected CartError, got #<Net::OpenTimeout: execution expired> with backtrace:",
        "AssertionError: assert 'connect ECONNREFUSED 203.0.113.7:443' == 'closed'",
        "Expected 200 to equal 503 Service Unavailable, received 503 Service Unavailable",
    ],
)
def test_what_a_test_compared_is_not_the_network(compared: str) -> None:
    assert not judged("running the tests", compared, "exited with 1").transient


def test_a_repository_is_fetched_from_no_server_of_the_jobs_own() -> None:
    cloned = judged(
        "git clone http://127.0.0.1:48209/.git rates",
        "Cloning into 'rates'...",
        "fatal: unable to access 'http://127.0.0.1:48209/.git/': Failed to connect to 127.0.0.1"
        " port 48209 after 0 ms: Couldn't connect to server",
        "program finished with exit code 128",
    )
    assert (cloned.category, cloned.transient) == ("network_transient", True)


def test_the_last_attempt_is_one() -> None:
    found = judged(RESET, "Warning: Will retry in 1 seconds.", "+ true", "+ false", "x", RESET)
    assert (found.category, found.transient) == ("network_transient", True)


@pytest.mark.parametrize(
    "end",
    [
        "OK (12 tests, 40 assertions)",
        "ok  \texample.org/a\t0.1s",
        "=== 3 passed in 0.1s ===",
        "Chrome Headless 119.0 (Linux x86_64): Executed 31 of 31 (skipped 1) SUCCESS (1 secs)",
        "TOTAL: 31 SUCCESS",
        "12 specs, 0 failures",
        "12 tests, 24 assertions, 0 failures, 0 errors",
        "All tests successful.",
        "Passed!  - Failed:     0, Passed:    12, Skipped:     0, Total:    12",
        "[  PASSED  ] 12 tests.",
        " Test Files  3 passed (3)",
        "00:04 +12: All tests passed!",
        "12 files inspected, no offenses detected",
    ],
)
def test_success_after_a_trouble_says_that_it_was_got_over(end: str) -> None:
    assert judged(RESET, "more", "and more", end).category == "none"
    assert judged(RESET, "more", end, "fatal: the end").category == "network_transient"


def test_a_count_of_no_failures_is_no_trouble_after_success() -> None:
    summary = ("# TOTAL: 31", "# PASS:  31", "# FAIL:  0", "# ERROR: 0")
    assert judged(RESET, "more", *summary).category == "none"
    summary = ("# TOTAL: 31", "# PASS:  30", "# FAIL:  1", "# ERROR: 0")
    assert judged(RESET, "more", *summary).category != "none"


@pytest.mark.parametrize(
    "end", ["0 errors, 2 failures", "0 failed, 1 error", "0 errors, 3 failing"]
)
def test_no_errors_beside_failures_is_no_count_of_nothing(end: str) -> None:
    assert judged(RESET, "more", "OK (3 tests)", end).category != "none"


@pytest.mark.parametrize(
    "end",
    [
        "=========== 5 passed, 1 skipped, 2 warnings in 0.31s ===========",
        "5 passed in 0.31s",
        "ok  \texample.org/cart\t0.012s",
        "Result: PASS",
        "localhost   : ok=4   changed=1   unreachable=0   failed=0   skipped=0   rescued=1",
        "build succeeded, 2 warnings.",
        "# pass 7",
        "Ran 12 tests in 0.004s",
    ],
)
def test_a_count_of_passed_tests_has_counted_the_noise_before_it(end: str) -> None:
    noise = ("Traceback (most recent call last):", "ModuleNotFoundError: No module named 'cart'")
    assert judged(*noise, "more", end).category == "none"
    assert judged(*noise, "more", end, "fatal: the end").category != "none"
    crash = "bash: line 1: 28142 Segmentation fault      (core dumped) ./cart_test"
    assert judged(crash, "more", end).category == "crash"
    assert judged("=== 1 failed, 4 passed in 0.2s ===", "more", end).category != "none"


def test_a_command_that_the_shell_prints_is_no_trouble() -> None:
    assert judged(f"+ echo '{RESET}' > expected.txt", "written").category == "none"


def test_cargo_ends_well_with_an_indented_word() -> None:
    end = "    Finished `release` profile [optimized] target(s) in 41.20s"
    assert judged(RESET, "more", end).category == "none"


def test_an_exception_after_a_success_is_not_made_up_for() -> None:
    said = ("added 60 packages in 2s", "TypeError: Cannot read properties of undefined")
    assert judged(*said).category != "none"


def test_too_little_coverage_is_no_success() -> None:
    said = "FAIL Required test coverage of 95% not reached. Total coverage: 75.00%"
    assert judged(said, "=== 1 passed in 0.13s ===").category == "test_failure"


def test_the_count_of_one_of_several_runs_is_not_the_last_word() -> None:
    said = ("cart/total.py:1:1: F401 'os' imported but unused", "=== 2 passed in 0.65s ===")
    end = (
        "  lint: FAIL code 1 (0.6 seconds)",
        "  unit: OK (1.7 seconds)",
        "  evaluation failed :(",
    )
    assert judged(*said, *end).category == "lint_format"


def test_a_step_that_exited_with_an_error_did_not_end_well() -> None:
    said = ("acme: no such cart", "Process exited with code 3", "Build finished")
    assert judged(*said).category != "none"


def test_a_lasting_cause_is_not_made_up_for_by_another_tools_success() -> None:
    found = judged("FAILED tests/test_a.py::test_b - assert 1 == 2", "Done in 3.1s")
    assert found.category == "test_failure"


def test_a_failure_that_no_rule_knows_is_still_one() -> None:
    assert judged("bert-base   PASS", "bert-large  FAIL: accuracy 0.2", "end").category == "unknown"


def test_what_is_let_go_may_talk_for_some_lines_first() -> None:
    found = judged("+ cc -c a.c", "a.c:1:2: error: no", "  int x;", "+ true", "+ ./b")
    assert found.category == "none"
    stayed = judged("+ cc -c a.c", "a.c:1:2: error: no", "  int x;", "+ false", "+ true")
    assert stayed.category == "compile_error"


def test_what_ansible_was_told_to_ignore_is_no_failure() -> None:
    fatal = 'fatal: [web1]: FAILED! => {"changed": false, "msg": "no such service"}'
    recap = "web1   : ok=12   changed=3    unreachable=0    failed={}    skipped=1"
    assert judged(fatal, "...ignoring", "PLAY RECAP ***", recap.format(0)).category == "none"
    assert judged(fatal, "PLAY RECAP ***", recap.format(1)).category == "deploy_failure"


def test_another_mirror_is_another_try() -> None:
    gone = "curl: (22) The requested URL returned error: 503"
    assert judged(gone, "trying the next mirror", "unpacked").category == "none"
    assert judged(gone, "no mirror left").category == "network_transient"


def test_a_count_of_nothing_is_no_failure() -> None:
    assert judged("PASS: t/oom", "# TOTAL: 2", "# FAIL:  0", "# ERROR: 0").category == "none"
    assert judged("FAIL: t/oom", "# TOTAL: 2", "# FAIL:  1", "# ERROR: 0").category != "none"


def test_a_trouble_that_was_got_over_starts_no_re_run() -> None:
    gone = "curl: (22) The requested URL returned error: 503"
    found = judged(gone, "Retrying in 3 seconds", "unpacking", "##[error]exit")
    assert not found.transient


def test_lines_that_the_job_passed_over() -> None:
    again = [ExcerptLine(1, "it broke"), ExcerptLine(2, "x"), ExcerptLine(3, "Retrying in 2 s")]
    assert got_over(again) == [True, True, True]
    texts = [
        "warning: odd",
        "0 failed, 210 passed",
        "it broke",
        "  a detail",
        "+ true",
        "+ ls",
        "a",
        "b",
        "it broke",
    ]
    lines = [ExcerptLine(number, text) for number, text in enumerate(texts, 1)]
    assert got_over(lines) == [True, True, True, True, False, False, False, False, False]


def test_who_is_told_to_try_again_has_not_been_heard_to_try() -> None:
    limit = "Error: GitHub API Error: API rate limit exceeded for 192.0.2.9"
    assert judged(limit, "Try again in 31 minutes 2 seconds, or create a token").transient
    assert not judged(limit, "We will try again in 31 seconds").transient
