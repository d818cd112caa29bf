"""Re-runs: asked for once, also when the answer is lost."""

import pytest
from tests.fakes.github import FakeGitHub, Run

from pipeline_guard.domain import runs
from pipeline_guard.domain.capabilities import RerunScope
from pipeline_guard.domain.events import Event
from pipeline_guard.errors import (
    Conflict,
    NotAuthorized,
    PlatformUnavailable,
    RateLimited,
    Rejected,
)
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.credentials import TokenCredentials

JOBS = {"lint": "success", "tests": "failure", "docs": "failure"}


async def read(github: GitHub, made: Run) -> runs.Run:
    return await github.read_run(Event("run_finished", "github", made.repo.name, str(made.id)))


@pytest.mark.parametrize(
    ("scope", "again"),
    [("failed_jobs", ["tests", "docs"]), ("job", ["tests"]), ("run", ["lint", "tests", "docs"])],
)
async def test_runs_again_what_was_asked(
    fake: FakeGitHub, github: GitHub, scope: RerunScope, again: list[str]
) -> None:
    made = fake.add_run(jobs=JOBS)
    run = await read(github, made)
    result = await github.rerun(run, scope, run.failed_jobs[0])
    assert result.url == f"{run.url}/attempts/2"
    assert [job.name for job in made.jobs if job.conclusion is None] == again
    assert len(fake.calls("POST")) == 1


async def test_one_attempt_after_the_one_we_read(fake: FakeGitHub, github: GitHub) -> None:
    made = fake.add_run()
    run = await read(github, made)
    await github.rerun(run, "failed_jobs", None)
    with pytest.raises(Conflict):
        await github.rerun(run, "failed_jobs", None)
    fake.finish_run(made, "failure")
    with pytest.raises(Conflict):
        await github.rerun(run, "failed_jobs", None)
    assert (made.attempt, len(fake.calls("POST"))) == (2, 1)


async def test_a_lost_answer_is_looked_up(fake: FakeGitHub, github: GitHub) -> None:
    made = fake.add_run()
    run = await read(github, made)
    fake.fail("POST", "rerun", 502, after=True)
    await github.rerun(run, "failed_jobs", None)
    assert (made.attempt, len(fake.calls("POST"))) == (2, 1)


async def test_an_outage_is_told_and_not_repeated(fake: FakeGitHub, github: GitHub) -> None:
    made = fake.add_run()
    run = await read(github, made)
    fake.fail("POST", "rerun", 502)
    with pytest.raises(PlatformUnavailable):
        await github.rerun(run, "failed_jobs", None)
    assert (made.attempt, len(fake.calls("POST"))) == (1, 1)


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (403, "This workflow is already running", Conflict),
        (403, "The workflow run containing this job is already running", Conflict),
        (409, "Conflict", Conflict),
        (403, "This workflow run cannot be retried", Rejected),
        (403, "Unable to retry this workflow run: it was created over a month ago", Rejected),
        (403, "Resource not accessible by integration", NotAuthorized),
        (422, "Validation Failed", Rejected),
        (429, "Slow down", RateLimited),
    ],
)  # fmt: skip
async def test_refusals_carry_githubs_words(
    fake: FakeGitHub, github: GitHub, status: int, message: str, error: type[Exception]
) -> None:
    run = await read(github, fake.add_run())
    fake.fail("POST", "rerun", status, body={"message": message})
    with pytest.raises(error, match=message):
        await github.rerun(run, "failed_jobs", None)


async def test_a_limit_of_a_moment_is_waited_for(fake: FakeGitHub, github: GitHub) -> None:
    made = fake.add_run()
    run = await read(github, made)
    fake.limit("POST", "rerun", after=0)
    await github.rerun(run, "failed_jobs", None)
    assert made.attempt == 2


async def test_no_connection_at_all(fake: FakeGitHub, github: GitHub) -> None:
    run = await read(github, fake.add_run())
    away = GitHub(Client("http://127.0.0.1:9", TokenCredentials("t"), retry_wait=0))
    with pytest.raises(PlatformUnavailable):
        await away.rerun(run, "failed_jobs", None)
    await away.aclose()
