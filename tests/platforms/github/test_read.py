"""A run as it is re-read: its newest attempt, its request, the head of its branch."""

from pathlib import Path
from typing import Any

import pytest
from tests.fakes.github import FakeGitHub, Run

from pipeline_guard.domain.events import Event
from pipeline_guard.errors import NotAuthorized, NotFound, PlatformUnavailable
from pipeline_guard.platforms.github.adapter import GitHub


def event(run: Run, **more: Any) -> Event:
    return Event("run_finished", "github", run.repo.name, str(run.id), **more)


async def test_reads_the_run_and_its_jobs(fake: FakeGitHub, github: GitHub) -> None:
    made = fake.add_run(jobs={"lint": "success", "tests": "failure", "slow": "timed_out"})
    run = await github.read_run(event(made))
    assert (run.attempt, run.status, run.conclusion) == (1, "completed", "failure")
    assert (run.workflow, run.branch, run.trigger, run.actor) == ("CI", "feature", "push", "dev")
    assert [job.name for job in run.failed_jobs] == ["tests", "slow"]
    assert run.failed_jobs[0].failed_step == "Run tests"
    assert run.head_sha == run.commit == made.sha
    assert run.started_at is not None
    assert run.request is None


async def test_reads_the_newest_attempt_of_many_jobs(fake: FakeGitHub, github: GitHub) -> None:
    made = fake.add_run(jobs={f"job-{n:03}": "failure" for n in range(205)})
    fake.world.rerun(made, None, "dev")
    fake.finish_run(made, "failure")
    run = await github.read_run(event(made))
    assert (run.attempt, len(run.jobs)) == (2, 205)
    assert {job.id for job in run.jobs} == {str(job.id) for job in made.jobs}


async def test_earlier_attempts_are_runs_with_their_own_jobs(
    fake: FakeGitHub, github: GitHub
) -> None:
    made = fake.add_run(jobs={"lint": "success", "tests": "failure"})
    for _ in range(2):
        fake.world.rerun(made, {"tests"}, "dev")
        fake.finish_run(made)
    run = await github.read_run(event(made))
    first, second = await github.earlier(run, [1, 2])
    assert (first.attempt, first.status, first.conclusion) == (1, "completed", "failure")
    assert [job.id for job in first.failed_jobs] == [str(made.attempts[0][1].id)]
    assert str(first.url).endswith(f"/actions/runs/{made.id}/attempts/1")
    assert first.finished_at is not None
    assert (second.attempt, second.failed_jobs) == (2, ())
    fake.fail("GET", "/attempts/1/", 404)
    assert [item.attempt for item in await github.earlier(run, [1, 2])] == [2]


async def test_works_where_attempts_cannot_be_listed(fake: FakeGitHub, github: GitHub) -> None:
    made = fake.add_run()
    fake.fail("GET", "/attempts/", 404)
    assert len((await github.read_run(event(made))).jobs) == 1
    fake.fail("GET", "/jobs$", 404, times=2)
    job_id = str(made.jobs[0].id)
    assert [j.id for j in (await github.read_run(event(made, job_id=job_id))).jobs] == [job_id]


@pytest.mark.parametrize("head_repo", ["acme/shop", "friend/shop"])
async def test_finds_the_request(fake: FakeGitHub, github: GitHub, head_repo: str) -> None:
    fake.add_pull(branch="other", sha="9" * 40)
    pull = fake.add_pull(head_repo=head_repo)
    run = await github.read_run(event(fake.add_run(event="pull_request", head_repo=head_repo)))
    assert run.request is not None
    assert run.request.number == pull.number
    assert run.request.from_fork is (head_repo != "acme/shop")
    assert run.head_sha == pull.sha


async def test_the_request_a_run_names_comes_first(fake: FakeGitHub, github: GitHub) -> None:
    fake.add_pull()
    named = fake.add_pull(branch="feature")
    made = fake.add_run(event="pull_request", pulls=(named.number,))
    run = await github.read_run(event(made))
    assert run.request is not None
    assert run.request.number == named.number


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("head_repo", ["acme/shop", "friend/shop"])
async def test_of_several_requests_with_one_head_the_event_s_comes_first(
    fake: FakeGitHub, github: GitHub, named: bool, head_repo: str
) -> None:
    pulls = [fake.add_pull(head_repo=head_repo).number for _ in range(3)]
    made = fake.add_run(head_repo=head_repo, pulls=tuple(pulls) if named else ())
    for number in pulls:
        run = await github.read_run(event(made, hints={"requests": [number]}))
        assert run.request is not None
        assert run.request.number == number


@pytest.mark.parametrize("head_repo", ["acme/shop", "friend/shop"])
async def test_a_newer_commit_supersedes(fake: FakeGitHub, github: GitHub, head_repo: str) -> None:
    made = fake.add_run(event="pull_request", head_repo=head_repo)
    fake.add_pull(sha="2" * 40, head_repo=head_repo, commits=(made.sha,))
    run = await github.read_run(event(made))
    assert (run.commit, run.head_sha) == (made.sha, "2" * 40)


async def test_closed_requests_do_not_count(fake: FakeGitHub, github: GitHub) -> None:
    pull = fake.add_pull(state="closed")
    made = fake.add_run(event="pull_request", pulls=(pull.number,))
    assert (await github.read_run(event(made))).request is None


async def test_a_deleted_branch_leaves_no_head(fake: FakeGitHub, github: GitHub) -> None:
    made = fake.add_run()
    del made.repo.branches["feature"]
    assert (await github.read_run(event(made))).head_sha == ""
    made.repo.tags["feature"] = made.sha
    assert (await github.read_run(event(made))).head_sha is None, "a tag is never superseded"


async def test_optional_lookups_may_be_missing(fake: FakeGitHub, github: GitHub) -> None:
    made = fake.add_run(event="pull_request")
    for path, status in (("/branches/", 404), ("/pulls$", 501), ("/user$", 405)):
        fake.fail("GET", path, status, times=9, body={"message": "Not Found"})
    run = await github.read_run(event(made))
    assert (run.request, run.head_sha) == (None, None)
    assert await github.identity() is None


async def test_a_run_that_is_gone_is_told(github: GitHub) -> None:
    with pytest.raises(NotFound):
        await github.read_run(Event("run_finished", "github", "acme/none", "1"))


async def test_a_short_outage_is_ridden_out(fake: FakeGitHub, github: GitHub) -> None:
    made = fake.add_run()
    fake.fail("GET", r"/runs/\d+$", 502, times=2)
    assert (await github.read_run(event(made))).attempt == 1
    fake.fail("GET", r"/runs/\d+$", 503, times=9)
    with pytest.raises(PlatformUnavailable):
        await github.read_run(event(made))


async def test_refresh_sees_the_request_move_on_and_close(fake: FakeGitHub, github: GitHub) -> None:
    pull = fake.add_pull(head_repo="friend/shop")
    run = await github.read_run(event(fake.add_run(head_repo="friend/shop")))
    assert run.request is not None
    pull.sha = "2" * 40
    assert (await github.refresh(run)).head_sha == "2" * 40
    pull.state = "closed"
    assert (await github.refresh(run)).request is None


async def test_refresh_reads_jobs_only_when_they_changed(fake: FakeGitHub, github: GitHub) -> None:
    made = fake.add_run()
    run = await github.read_run(event(made))
    listed = len(fake.calls("GET", "/jobs$"))
    assert await github.refresh(run) == run
    assert len(fake.calls("GET", "/jobs$")) == listed
    fake.world.rerun(made, None, "dev")
    fake.finish_run(made)
    later = await github.refresh(run)
    assert (later.attempt, later.conclusion, later.jobs[0].conclusion) == (2, "success", "success")


async def test_annotations_and_links(fake: FakeGitHub, github: GitHub, tmp_path: Path) -> None:
    made = fake.add_run()
    remark = {"path": "a.py", "start_line": 3, "annotation_level": "failure", "message": "no\nway"}
    made.jobs[0].annotations.append(remark)
    run = await github.read_run(event(made))
    job = run.jobs[0]
    assert await github.annotations(run, job) == ["failure a.py:3: no way"]
    fake.fail("GET", "/annotations", 404)
    assert list(await github.annotations(run, job)) == []
    log = tmp_path / "job.log"
    log.write_text(
        "2026-01-02T03:04:05.1000000Z Current runner version: '2.330.0'\n"
        "2026-01-02T03:04:06.1000000Z ##[group]Run make test\n"
        "2026-01-02T03:04:07.1000000Z test_cart FAILED\n"
    )
    assert github.log_line_urls(run, job, log, [3]) == [f"{job.url}#step:3:1"]
    set_up = {"name": "Set up job", "number": 1, "conclusion": "success"}
    made.jobs[0].steps.insert(0, {**set_up, "started_at": "2026-01-02T03:04:05Z"})
    made.jobs[0].steps.insert(1, {**set_up, "number": 2, "conclusion": "skipped"})
    made.jobs[0].steps[2]["started_at"] = "2026-01-02T04:04:06+01:00"
    run = await github.read_run(event(made))
    links = github.log_line_urls(run, run.jobs[0], log, [3, 1])
    assert links == [f"{job.url}#step:3:2", f"{job.url}#step:1:1"]


async def test_identity_is_asked_once_and_check_tells(fake: FakeGitHub, github: GitHub) -> None:
    assert await github.identity() == await github.identity() == "guard-bot"
    assert len(fake.calls("GET", "/user")) == 1
    assert "as guard-bot" in await github.check()
    assert "4999 of 5000 calls left" in await github.check()


async def test_check_works_without_a_login_but_not_without_rights(
    fake: FakeGitHub, github: GitHub
) -> None:
    fake.fail("GET", "/user$", 403, times=2)
    assert "a token without a login" in await github.check()
    fake.world.tokens.clear()
    with pytest.raises(NotAuthorized):
        await github.check()
