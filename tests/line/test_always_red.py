"""A repository that is red all day: few re-runs, one comment a request, one issue, one notice."""

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import text
from tests.fakes.github import FakeGitHub
from tests.line.harness import Guarded, Line
from tests.line.test_github import DNS, comments, reruns, send
from tests.notify.receivers import Inbox, http_receiver

HOURS = 3
"""Between two pushes; a day has eight of them."""
GUARD = """
mode: act
max_reruns: 2
max_reruns_per_base: 4
issue: {enabled: true}
label: {enabled: true}
notify:
  program: {webhook: {url_env: HOOK_URL, secret_env: HOOK_SECRET, allow_loopback: true}}
"""


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    with http_receiver() as running:
        monkeypatch.setenv("HOOK_URL", running.url)
        monkeypatch.setenv("HOOK_SECRET", "s3cret")
        yield running


@pytest.fixture
async def line(guarded: Guarded, inbox: Inbox) -> AsyncIterator[Line]:
    async with guarded(GUARD) as running:
        yield running


async def pass_time(line: Line, moment: int) -> None:
    """Let three hours pass for all that is stored; what is named by its hour is another hour's."""
    async with line.context.database.transaction() as session:
        for table in ("failures", "actions"):
            change = f"UPDATE {table} SET created_at = created_at - interval '{HOURS} hours'"
            await session.execute(text(change))
        named = "UPDATE actions SET key = key || :moment WHERE kind = 'issue'"
        await session.execute(text(named), {"moment": f"/{moment}"})


async def fail(line: Line, github: FakeGitHub, **run) -> None:
    """A run that fails, and fails again however often it is re-run."""
    made = github.add_run(log=DNS, **run)
    await send(line, github, made)
    while made.conclusion is None:
        github.finish_run(made, "failure", DNS)
        await send(line, github, made)


async def test_a_day_of_red_costs_what_the_policy_allows_and_is_told_once(github, line, inbox):
    pull = github.add_pull()
    for moment in range(24 // HOURS):
        main, pull.sha = f"{moment:040x}", f"{moment + 100:040x}"
        github.add_repo(main=main, feature=pull.sha)
        await fail(line, github, branch="main", sha=main)
        await fail(line, github, sha=pull.sha, pulls=(pull.number,))
        await pass_time(line, moment)
    # Four of each base in 24 hours; history, which saw none pass, may have said no before.
    assert 2 <= len(reruns(github)) <= 8
    assert len(comments(github)) == 1
    (issue,) = github.add_repo().issues.values()
    assert issue.state == "open"
    edits = len(github.calls("PATCH", "/issues/\\d+$"))
    assert edits <= 24 // HOURS
    assert pull.labels == ["ci: network_transient"]
    assert len(inbox.got) == 1

    github.add_repo(main="f" * 40)
    await send(line, github, github.add_run(branch="main", sha="f" * 40, conclusion="success",
                                            jobs={"tests": "success"}))  # fmt: skip
    assert issue.state == "open"  # one green run after such a day proves little
