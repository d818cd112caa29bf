"""Names that hold a secret: masked wherever a run or job is made, and the same each time."""

from dataclasses import replace

import pytest

from pipeline_guard.domain.events import Event, Ignored
from pipeline_guard.domain.runs import ChangeRequest, Job, Run
from pipeline_guard.errors import NotFound
from pipeline_guard.redaction.names import masked

KEY = "AKIA2345678901234567"
HIDDEN = "test ([redacted])"


def run_of(*jobs: Job, branch: str = "main", workflow: str = "CI") -> Run:
    return Run(
        "github", "acme/shop", "1", 1, "completed", "failure", workflow, branch, None, jobs=jobs
    )


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        (f"test ({KEY})", KEY),
        ("test (ghp_" + "a1B2c3D4e5" * 4 + ", 3.12)", "a1B2c3D4e5"),
        ("clone https://ci:s3cr3tPw@git.example/x", "s3cr3tPw"),
        ("deploy (password=hunter2x)", "hunter2x"),
        ("fix/glpat-aB3dE6gH9jK2mN5pQ8sT", "aB3dE6gH9jK2"),
    ],
)
def test_a_secret_goes_and_the_masked_name_stays_as_it_is(name: str, secret: str):
    assert secret not in masked(name)
    assert masked(masked(name)) == masked(name)


@pytest.mark.parametrize(
    "name",
    [
        "test (ubuntu-latest, 3.12, shard 1/20)",
        "e2e / chromium (1, 20)",
        "dependabot/npm_and_yarn/frontend/typescript-eslint/parser-6.0.1",
        "renovate/sha256-0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
        "feature/JIRA-1234-add-api-token-support",
        "secret-scanning (api_key: none)",
        "refs/merge-requests/17/head",
        "build:linux:amd64 1/3: [debug, https://mirror.example/x]",
        "ナイトリー [x86_64] \u00e9t\u00e9",
        "",
    ],
)
def test_a_name_without_one_comes_through(name: str):
    assert masked(name) == name


def test_names_are_masked_in_whatever_is_made_of_a_run():
    job = Job("1", f"test ({KEY})", "failure", failed_step=f"log in with {KEY}")
    assert (job.name, job.failed_step) == (HIDDEN, "log in with [redacted]")
    run = run_of(job, branch=f"fix/{KEY}", workflow=f"CI {KEY}")
    assert (run.branch, run.workflow) == ("fix/[redacted]", "CI [redacted]")
    assert ChangeRequest(1, target_branch=f"to/{KEY}").target_branch == "to/[redacted]"
    assert KEY not in str(NotFound(f"There is no branch {KEY}"))
    assert (
        Ignored(f"The job test ({KEY}) did not fail.").reason == f"The job {HIDDEN} did not fail."
    )
    event = Event("run_finished", "github", "a/b", "1", hints={"branch": f"fix/{KEY}"})
    assert event.hints["branch"] == run.branch, "stored branches are looked up by it"


def test_the_platform_is_told_the_names_that_it_knows():
    job = replace(Job("1", f"test ({KEY})", "failure"), environment=f"env {KEY}")
    assert (job.name, job.original_name) == (HIDDEN, f"test ({KEY})")
    assert job.environment == "env [redacted]"
    run = run_of(job, branch=f"fix/{KEY}").at_attempt(1, (job,))
    assert (run.branch, run.ref) == ("fix/[redacted]", f"fix/{KEY}")


def test_what_has_no_secret_is_left_as_it_was():
    job, run = Job("1", "tests", "failure"), run_of()
    assert (job.original_name, job.hints) == ("tests", {})
    assert (run.ref, run.hints) == ("main", {})


def test_half_a_character_breaks_nothing():
    assert masked("x\ud800y") == "x?y"
