"""Failed deliveries and red runs, read back from GitHub's lists."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes.github import FakeGitHub
from tests.fakes.github.deliveries import add_hook, ago, record

from pipeline_guard.domain.events import Event
from pipeline_guard.domain.recovery import DeliveryTry, ListsRuns, Redelivers
from pipeline_guard.errors import NotAuthorized, NotFound, RateLimited, Rejected
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.recovery import ACTED_ON
from pipeline_guard.platforms.github.webhook import GitHubWebhooks

LOOK_BACK = timedelta(hours=6)


async def tries(github: GitHub, scope: str = "acme/shop") -> list[DeliveryTry]:
    return [item async for item in github.delivery_tries(scope, datetime.now(UTC) - LOOK_BACK)]


async def runs(github: GitHub) -> list:
    return [item async for item in github.finished_runs("acme/shop", datetime.now(UTC) - LOOK_BACK)]


def test_what_is_declared_is_there(github: GitHub) -> None:
    assert {"list_runs", "redeliver"} <= github.capabilities
    assert isinstance(github, ListsRuns)
    assert isinstance(github, Redelivers)


@pytest.mark.parametrize(("event", "action"), sorted(ACTED_ON - {("issue_comment", "created")}))
def test_what_is_asked_for_again_is_what_the_reader_makes_events_of(
    fake: FakeGitHub, event: str, action: str
) -> None:
    headers, body = fake.webhook(event, fake.add_run(), action=action)
    assert isinstance(GitHubWebhooks([fake.secret]).parse(headers, body).outcome, Event)


async def test_a_red_run_is_listed_as_its_webhook_would_have_told_it(
    fake: FakeGitHub, github: GitHub
) -> None:
    run = fake.add_run()
    fake.world.rerun(run, None, "dev")
    fake.finish_run(run, "failure")
    run.created_at, run.updated_at = ago(hours=25), ago(hours=1)
    (found,) = await runs(github)
    headers, body = fake.webhook("workflow_run", run)
    assert found.event == GitHubWebhooks([fake.secret]).parse(headers, body).outcome
    assert found.key == f"{run.id}.2"
    assert found.finished_at == datetime.fromisoformat(run.updated_at)


async def test_only_what_ended_red_since_then_is_listed(fake: FakeGitHub, github: GitHub) -> None:
    for conclusion, hours in (("success", 1), ("failure", 7), ("timed_out", 1), ("cancelled", 1)):
        run = fake.add_run(conclusion=conclusion)
        run.created_at, run.updated_at = ago(hours=8), ago(hours=hours)
    assert [item.event.conclusion for item in await runs(github)] == ["timed_out"]


async def test_a_long_list_of_runs_is_read_for_three_pages_and_no_more(
    fake: FakeGitHub, github: GitHub
) -> None:
    for _ in range(410):
        run = fake.add_run()
        run.created_at = run.updated_at = ago(hours=1)
    assert len(await runs(github)) == 300
    pages = [call for call in fake.calls("GET", "/runs$") if call.query["status"] == "failure"]
    assert len(pages) == 3


async def test_a_hook_that_leads_elsewhere_is_not_read(fake: FakeGitHub, github: GitHub) -> None:
    fake.add_repo()
    add_hook(fake, "acme/shop", "https://elsewhere.example/hook")
    ours = add_hook(fake, "acme/shop", "https://guard.example/prefix/webhooks/github/")
    lost = record(fake, "workflow_run", fake.add_run(), 502, base=ours)
    (found,) = await tries(github)
    assert (found.delivery_id, found.arrived) == (lost.guid, False)
    assert len(fake.calls("GET", "/deliveries$")) == 1
    await github.redeliver("acme/shop", found.handle)
    assert [item.guid for item in fake.world.outbox] == [lost.guid]


async def test_a_list_of_deliveries_is_read_back_to_the_moment_asked_for(
    fake: FakeGitHub, github: GitHub
) -> None:
    ours, run = add_hook(fake, "acme/shop"), fake.add_run()
    for number in range(300):
        record(fake, "workflow_run", run, 502, base=ours, at=ago(minutes=3 * number))
    found = await tries(github)
    assert len(found) == pytest.approx(120, abs=4)
    assert [item.tried_at for item in found] == sorted(
        (item.tried_at for item in found), reverse=True
    )
    assert len(fake.calls("GET", "/deliveries$")) == 2


@pytest.mark.parametrize(
    ("status", "error"), [(403, NotAuthorized), (404, NotFound), (422, Rejected)]
)
async def test_refusals_are_our_errors(
    fake: FakeGitHub, github: GitHub, status: int, error: type[Exception]
) -> None:
    fake.add_repo()
    fake.fail("GET", "/hooks$", status)
    with pytest.raises(error):
        await tries(github)
    assert await tries(github) == [], "and it is not asked again at once"


async def test_a_limit_tells_when_to_come_back(fake: FakeGitHub, github: GitHub) -> None:
    ours = add_hook(fake, "acme/shop")
    fake.add_repo()
    lost = record(fake, "workflow_run", fake.add_run(), 502, base=ours)
    fake.limit("POST", "/attempts", after=60)
    with pytest.raises(RateLimited):
        await github.redeliver("acme/shop", f"{ours}/deliveries/{lost.id}")
    assert fake.world.outbox == []
