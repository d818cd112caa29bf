"""From a failure nobody could heal to a person elsewhere, over the real queue."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text
from tests.fakes.github.server import FakeGitHub
from tests.line.harness import Guarded, Line
from tests.line.test_github import DNS, send
from tests.notify.receivers import Inbox, http_receiver

from pipeline_guard import worker
from pipeline_guard.stages.breakers import incidents
from pipeline_guard.stages.report.digest import digest
from pipeline_guard.store.tables import Notice

CONFIG = """
mode: {mode}
max_reruns: 1
incidents: {{runs: 3, places: 2}}
notify:
  program:
    webhook: {{url_env: HOOK_URL, secret_env: HOOK_SECRET, allow_loopback: true}}
    when: [escalated, healed_late, digest, incident_opened, incident_closed]
    healed_late_minutes: {late}
  others:
    webhook: {{url_env: HOOK_URL, secret_env: HOOK_SECRET, allow_loopback: true}}
    repositories: ["other/*"]
  gone:
    slack: {{url_env: NO_SUCH_VARIABLE}}
"""


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    with http_receiver() as running:
        monkeypatch.setenv("HOOK_URL", f"{running.url}/in")
        monkeypatch.setenv("HOOK_SECRET", "s3cret")
        yield running


@pytest.fixture
async def line(guarded: Guarded, request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    chosen = {"mode": "act", "late": "60"} | getattr(request, "param", {})
    async with guarded(CONFIG.format(**chosen)) as running:
        yield running


async def give_up(line: Line, github: FakeGitHub) -> None:
    """A transient failure that its one re-run did not heal."""
    run = github.add_run(log=DNS)
    await send(line, github, run)
    github.finish_run(run, "failure", DNS)
    await send(line, github, run)


async def notes(line: Line) -> list[tuple[str, str, str | None]]:
    """(target, status, note) of every notice."""
    async with line.context.database.transaction() as session:
        rows = await session.scalars(select(Notice).order_by(Notice.id))
        return [(row.target, row.status, row.note) for row in rows]


async def test_what_is_left_to_people_is_told_once_a_day_and_signed(github, line, inbox):
    github.add_pull()
    await give_up(line, github)
    (posted,) = inbox.got
    head, told = posted.headers, json.loads(posted.body)
    signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + posted.body
    expected = base64.b64encode(hmac.new(b"s3cret", signed, hashlib.sha256).digest()).decode()
    assert head["webhook-signature"] == f"v1,{expected}"
    assert told["type"] == "pipeline_guard.escalated"
    assert told["data"]["category"] == "network_transient"
    assert "Could not resolve host" in told["data"]["quote"]

    await give_up(line, github)
    assert len(inbox.got) == 1
    assert sorted(await notes(line)) == [
        ("gone", "failed", "the environment variable NO_SUCH_VARIABLE is not set"),
        ("program", "sent", None),
    ]


async def test_a_receiver_that_is_away_is_told_later(github, line, inbox):
    inbox.answers = [(503, {}), (429, {"retry-after": "30"})]
    await give_up(line, github)
    assert [status for target, status, _ in await notes(line) if target == "program"] == ["waiting"]
    await line.hurry()
    await line.hurry()
    assert len(inbox.got) == 3
    assert len({posted.headers["webhook-id"] for posted in inbox.got}) == 1
    assert ("program", "sent", None) in await notes(line)


async def test_a_receiver_that_stays_away_is_given_up_and_that_is_noted(
    github, line, inbox, monkeypatch
):
    monkeypatch.setattr(worker, "MAX_TRIES", 2)
    inbox.answers = [(503, {})] * 2
    await give_up(line, github)
    await line.hurry()
    assert len(inbox.got) == 2
    assert ("program", "failed", "127.0.0.1 answered 503") in await notes(line)


async def test_a_receiver_that_refuses_is_not_asked_again(github, line, inbox):
    inbox.answers = [(410, {})]
    await give_up(line, github)
    await line.hurry()
    assert len(inbox.got) == 1
    assert ("program", "failed", "127.0.0.1 answered 410") in await notes(line)


@pytest.mark.parametrize("line", [{"mode": "observe"}], indirect=True)
async def test_observe_tells_nobody(github, line, inbox):
    await give_up(line, github)
    assert inbox.got == []


@pytest.mark.parametrize(("line", "told"), [({"late": "1"}, 1), ({"late": "60"}, 0)],
                         indirect=["line"])  # fmt: skip
async def test_what_took_long_to_heal_is_told(github, line, inbox, told):
    run = github.add_run(log=DNS)
    await send(line, github, run)
    async with line.context.database.transaction() as session:
        earlier = text("UPDATE failures SET created_at = now() - interval '30 minutes'")
        await session.execute(earlier)
    github.finish_run(run)
    run.updated_at = datetime.now(UTC).isoformat()
    await send(line, github, run)
    assert len(inbox.got) == told
    if told:
        title = json.loads(inbox.got[0].body)["data"]["title"]
        assert title.startswith("acme/shop: tests is green again after 30 minutes")


async def test_the_digest_is_told_once_a_day_after_six(github, line, inbox):
    await send(line, github, github.add_run(log=DNS))
    early = datetime(2026, 11, 21, 5, 59, tzinfo=UTC)
    assert await digest(line.context, early) == 0
    today = datetime.now(UTC).replace(hour=7)
    assert await digest(line.context, today) == 1
    assert await digest(line.context, today) == 0
    await line.settle()
    (posted,) = inbox.got
    told = json.loads(posted.body)["data"]
    assert told["title"] == "1 failure in 24 hours: 1 healing"
    assert told["lines"] == ["acme/shop: tests (network_transient), once"]


async def test_an_incident_is_told_when_it_opens_and_when_it_closes(github, line, inbox):
    for name, sha in (("one", "1" * 40), ("two", "2" * 40), ("three", "3" * 40)):
        await send(line, github, github.add_run(log=DNS, branch=name, sha=sha))
    (posted,) = inbox.got
    told = json.loads(posted.body)
    assert told["type"] == "pipeline_guard.incident_opened"
    assert told["data"]["repositories"] == ["acme/shop"]
    assert "held until one passes" in told["data"]["lines"][0]

    async with line.context.database.transaction() as session:
        await session.execute(text("UPDATE incidents SET last_seen_at = now() - interval '1 day'"))
    await incidents.look(line.context, int(told["data"]["incident"]))
    await line.settle()
    assert json.loads(inbox.got[1].body)["type"] == "pipeline_guard.incident_closed"
