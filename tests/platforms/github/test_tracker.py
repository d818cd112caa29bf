"""Issues, labels, check runs and cancelling on GitHub: once each, whatever goes wrong."""

from collections.abc import AsyncIterator

import pytest
from tests.fakes.github import FakeGitHub, Issue

from pipeline_guard.domain.events import Event
from pipeline_guard.domain.tracker import Annotation, CheckDraft, IssueDraft
from pipeline_guard.errors import Conflict, NotAuthorized, NotFound, PlatformUnavailable
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.credentials import TokenCredentials

MARKER = "<!-- fingerprint abc -->"
DRAFT = IssueDraft("Red\n main", f"{MARKER}\nseen once", ("ci",))
REPO = "acme/shop"


@pytest.fixture
async def app(fake: FakeGitHub) -> AsyncIterator[GitHub]:
    """GitHub for a token that belongs to an App, and so may make check runs."""
    fake.add_token("ghs_app", "guard[bot]")
    made = GitHub(Client(fake.url, TokenCredentials("ghs_app"), retry_wait=0))
    yield made
    await made.aclose()


def issues(fake: FakeGitHub) -> list[Issue]:
    return list(fake.add_repo(REPO).issues.values())


async def test_an_issue_is_found_edited_closed_and_opened_again(
    fake: FakeGitHub, github: GitHub
) -> None:
    fake.add_pull()
    ours = github.issues(REPO)
    assert await ours.find(MARKER) is None
    made = await ours.create(MARKER, DRAFT)
    (issue,) = issues(fake)
    assert (issue.title, issue.labels, made.is_open) == ("Red main", ["ci"], True)

    again = await ours.edit(made, body=f"{MARKER}\nseen twice", is_open=True)
    await ours.edit(again, body=f"{MARKER}\nseen twice\n", is_open=True)
    closed = await ours.edit(again, body=f"{MARKER}\nover", is_open=False)
    assert (issue.body, issue.state) == (f"{MARKER}\nover", "closed")
    assert len(fake.calls("PATCH")) == 2
    assert await ours.find(MARKER) == closed
    await ours.edit(closed, body=f"{MARKER}\nback", is_open=True)
    assert issue.state == "open"


async def test_an_open_issue_comes_before_a_newer_closed_one(
    fake: FakeGitHub, github: GitHub
) -> None:
    fake.add_repo(REPO)
    ours = github.issues(REPO)
    first = await ours.create(MARKER, DRAFT)
    second = await ours.create(MARKER, DRAFT)
    await ours.edit(second, body=second.body, is_open=False)
    found = await ours.find(MARKER)
    assert found is not None
    assert found.number == first.number


async def test_an_issue_of_others_is_not_ours(fake: FakeGitHub, github: GitHub) -> None:
    fake.add_repo(REPO).issues[7] = Issue(7, "mallory", "Red", MARKER)
    assert await github.issues(REPO).find(MARKER) is None


@pytest.mark.parametrize("after", [True, False])
async def test_a_lost_answer_leaves_one_issue(
    fake: FakeGitHub, github: GitHub, after: bool
) -> None:
    fake.add_repo(REPO)
    fake.fail("POST", "/issues$", 502, after=after)
    made = await github.issues(REPO).create(MARKER, DRAFT)
    assert [made.number] == [issue.number for issue in issues(fake)]


async def test_issues_that_are_off_or_not_ours_to_write_are_told_apart(
    fake: FakeGitHub, github: GitHub
) -> None:
    fake.add_repo(REPO).issues_disabled = True
    with pytest.raises(NotFound):
        await github.issues(REPO).find(MARKER)
    fake.add_repo(REPO).issues_disabled = False
    fake.add_token(fake.token, fake.login, issues="read")
    with pytest.raises(NotAuthorized):
        await github.issues(REPO).create(MARKER, DRAFT)
    fake.fail("POST", "/issues$", 502, times=2)
    with pytest.raises(PlatformUnavailable):
        await github.issues(REPO).create(MARKER, DRAFT)


async def test_labels_are_put_on_and_taken_off(fake: FakeGitHub, github: GitHub) -> None:
    pull = fake.add_pull()
    pull.labels = ["theirs"]
    await github.change_labels(REPO, pull.number, ["ci: flaky/test"], [])
    assert pull.labels == ["theirs", "ci: flaky/test"]
    await github.change_labels(REPO, pull.number, [], ["ci: flaky/test", "not there"])
    assert pull.labels == ["theirs"]


def draft(title: str, notes: int) -> CheckDraft:
    made = tuple(Annotation("src/a.py", line, f"wrong {line}") for line in range(1, notes + 1))
    return CheckDraft("1" * 40, title, "summary", "details", made)


async def test_a_check_run_is_one_and_its_annotations_are_sent_once_in_batches(
    fake: FakeGitHub, app: GitHub
) -> None:
    fake.add_repo(REPO)
    first = await app.put_check(REPO, draft("one", 120), None)
    (check,) = fake.add_repo(REPO).checks.values()
    assert (len(check.annotations), check.edits) == (120, 3)
    assert (check.conclusion, check.output["title"]) == ("neutral", "one")

    second = await app.put_check(REPO, draft("two", 121), first.check_id)
    third = await app.put_check(REPO, draft("three", 121), None)
    assert first.check_id == second.check_id == third.check_id
    assert (len(check.annotations), check.output["title"]) == (121, "three")


async def test_a_check_run_of_another_commit_or_maker_is_left_alone(
    fake: FakeGitHub, app: GitHub
) -> None:
    fake.add_repo(REPO)
    first = await app.put_check(REPO, draft("one", 0), None)
    other = CheckDraft("2" * 40, "other commit", "summary")
    assert (await app.put_check(REPO, other, first.check_id)).check_id != first.check_id
    fake.add_repo(REPO).checks[int(first.check_id)].external_id = "somebody else's"
    assert (await app.put_check(REPO, draft("one", 0), None)).check_id != first.check_id


@pytest.mark.parametrize("after", [True, False])
async def test_a_lost_answer_leaves_one_check_run(
    fake: FakeGitHub, app: GitHub, after: bool
) -> None:
    fake.add_repo(REPO)
    fake.fail("POST", "/check-runs", 502, after=after)
    if after:
        await app.put_check(REPO, draft("one", 0), None)
    else:
        with pytest.raises(PlatformUnavailable):
            await app.put_check(REPO, draft("one", 0), None)
    await app.put_check(REPO, draft("one", 0), None)
    assert len(fake.add_repo(REPO).checks) == 1


async def test_what_is_too_long_is_cut_and_a_person_s_token_is_refused(
    fake: FakeGitHub, app: GitHub, github: GitHub
) -> None:
    fake.add_repo(REPO)
    long = CheckDraft("1" * 40, "t" * 999, "s" * 99_999, "d" * 99_999,
                      (Annotation("a", 1, "m" * 99_999),))  # fmt: skip
    await app.put_check(REPO, long, None)
    with pytest.raises(NotAuthorized):
        await github.put_check(REPO, long, None)


async def test_a_run_is_cancelled_once(fake: FakeGitHub, github: GitHub) -> None:
    made = fake.add_run(conclusion=None, jobs={"tests": None})
    run = await github.read_run(Event("run_finished", "github", REPO, str(made.id)))
    await github.cancel(run)
    assert made.conclusion == "cancelled"
    with pytest.raises(Conflict):
        await github.cancel(run)


async def test_a_rerun_may_log_more(fake: FakeGitHub, github: GitHub) -> None:
    made = fake.add_run()
    run = await github.read_run(Event("run_finished", "github", REPO, str(made.id)))
    await github.rerun(run, "failed_jobs", None, debug=True)
    (call,) = fake.calls("POST", "/rerun")
    assert call.body == {"enable_debug_logging": True}
