"""The fake GitHub holds up against PyGithub, a client that knows nothing of it."""

from datetime import timedelta

import github
import httpx
import pytest
from github.Repository import Repository
from tests.fakes.github import FakeGitHub


@pytest.fixture
def fake(github_server: FakeGitHub) -> FakeGitHub:
    github_server.reset()
    return github_server


def connect(fake: FakeGitHub, token: str | None = None, per_page: int = 30) -> github.Github:
    return github.Github(
        auth=github.Auth.Token(token or fake.token), base_url=fake.url, retry=None,
        seconds_between_requests=0, seconds_between_writes=0, per_page=per_page,
    )  # fmt: skip


@pytest.fixture
def shop(fake: FakeGitHub) -> Repository:
    fake.add_repo()
    return connect(fake).get_repo("acme/shop")


def test_tells_who_asks(fake: FakeGitHub) -> None:
    assert connect(fake).get_user().login == "guard-bot"
    with pytest.raises(github.BadCredentialsException):
        _ = connect(fake, "wrong").get_user().login


def test_failed_jobs_run_again_in_a_second_attempt(fake: FakeGitHub, shop: Repository) -> None:
    made = fake.add_run(jobs={"lint": "success", "tests": "failure"})
    run = shop.get_workflow_run(made.id)
    assert (run.run_attempt, run.conclusion) == (1, "failure")
    assert [job.name for job in run.jobs() if job.conclusion == "failure"] == ["tests"]
    assert run.rerun_failed_jobs()
    again = shop.get_workflow_run(made.id)
    assert (again.run_attempt, again.status, again.conclusion) == (2, "queued", None)
    assert [job.conclusion for job in again.jobs()] == ["success", None]
    assert not again.rerun(), "GitHub refuses while it is running"
    fake.finish_run(made)
    assert shop.get_workflow_run(made.id).conclusion == "success"


def test_a_log_is_a_link_that_refuses_tokens_and_ages(fake: FakeGitHub, shop: Repository) -> None:
    made = fake.add_run(log="boom\n")
    url = next(iter(shop.get_workflow_run(made.id).jobs())).logs_url()
    assert url.startswith(fake.storage_url)
    assert httpx.get(url).text == "boom\n"
    assert httpx.get(url, headers={"Authorization": "token x"}).status_code == 400
    fake.links.clear()
    assert httpx.get(url).status_code == 403


def test_comments_are_paged_and_only_their_author_edits(fake: FakeGitHub, shop: Repository) -> None:
    pull = fake.add_pull()
    for number in range(7):
        fake.add_comment(pull, "dev", f"remark {number}")
    seen = connect(fake, per_page=3).get_repo("acme/shop").get_issue(pull.number).get_comments()
    assert [comment.body for comment in seen] == [f"remark {n}" for n in range(7)]
    ours = shop.get_issue(pull.number).create_comment("ours")
    ours.edit("ours, later")
    assert fake.world.repos["acme/shop"].comments[ours.id].body == "ours, later"
    with pytest.raises(github.GithubException) as refused:
        seen[0].edit("not ours")
    assert refused.value.status == 403


def test_requests_of_forks_are_listed_but_not_found_by_commit(
    fake: FakeGitHub, shop: Repository
) -> None:
    own = fake.add_pull(sha="c" * 40)
    fork = fake.add_pull(sha="d" * 40, head_repo="friend/shop")
    assert [pull.number for pull in shop.get_commit("c" * 40).get_pulls()] == [own.number]
    assert list(shop.get_commit("d" * 40).get_pulls()) == []
    assert {pull.number for pull in shop.get_pulls()} == {own.number, fork.number}
    assert shop.get_pull(fork.number).head.repo.full_name == "friend/shop"


def test_branches_and_annotations(fake: FakeGitHub, shop: Repository) -> None:
    run = fake.add_run()
    remark = {"path": "a.py", "start_line": 3, "annotation_level": "failure", "message": "no"}
    run.jobs[0].annotations.append(remark)
    assert shop.get_branch("feature").commit.sha == run.sha
    with pytest.raises(github.GithubException):
        shop.get_branch("gone")
    check = shop.get_check_run(run.jobs[0].id)
    assert [item.message for item in check.get_annotations()] == ["no"]


def test_a_run_is_re_run_for_thirty_days(fake: FakeGitHub, shop: Repository) -> None:
    made = fake.add_run()
    fake.world.today += timedelta(days=30)
    assert not shop.get_workflow_run(made.id).rerun()
    assert made.attempt == 1
    fake.world.today -= timedelta(days=1)
    assert shop.get_workflow_run(made.id).rerun()


def test_calls_are_counted_and_refused_beyond_the_last_of_a_window(fake: FakeGitHub) -> None:
    fake.add_repo()
    client = connect(fake)
    repo = client.get_repo("acme/shop")
    before, total = client.rate_limiting
    assert total == 5000
    repo.update()
    assert client.rate_limiting[0] == before, "nothing new: it costs no call"
    fake.allow(1, seconds=60)
    repo.get_branch("main")
    with pytest.raises(github.RateLimitExceededException):
        repo.get_branch("main")
    fake.allow(0, seconds=-1)
    assert repo.get_branch("main").name == "main"


def test_limits_faults_and_rights(fake: FakeGitHub, shop: Repository) -> None:
    made = fake.add_run()
    fake.limit("GET", "/actions/runs/", after=9)
    with pytest.raises(github.RateLimitExceededException):
        shop.get_workflow_run(made.id)
    run = shop.get_workflow_run(made.id)
    fake.fail("POST", "/rerun", 502, after=True)
    assert not run.rerun()
    assert made.attempt == 2, "a 502 after the work was done"
    fake.finish_run(made, "failure")
    fake.add_token("reader", "reader", actions="read")
    assert not connect(fake, "reader").get_repo("acme/shop").get_workflow_run(made.id).rerun()
    assert made.attempt == 2
