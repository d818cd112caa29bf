"""What each delivery becomes, and which are refused."""

import json
from typing import Any

import pytest
from tests.fakes.github import FakeGitHub
from tests.fakes.github.hooks import signed

from pipeline_guard.domain.events import Event, Ignored, Parsed
from pipeline_guard.errors import BadSignature, MalformedDelivery
from pipeline_guard.platforms.github.webhook import GitHubWebhooks

READER = GitHubWebhooks(["new", "old"])
REPOSITORY = {"full_name": "acme/shop"}


def parse(event: str, body: dict[str, Any] | bytes) -> Parsed:
    headers, raw = signed(event, body, "old")
    READER.verify(headers, raw)
    return READER.parse(headers, raw)


@pytest.mark.parametrize("secret", ["new", "old"])
def test_any_of_the_secrets_will_do(secret: str) -> None:
    READER.verify(*signed("ping", b"{}", secret))


@pytest.mark.parametrize(
    "header", [None, "", "sha1=00", "sha256=", "sha256=00", "sha256=é\udc80", "00" * 32]
)
def test_a_wrong_or_missing_signature_is_refused(header: str | None) -> None:
    headers, raw = signed("ping", b"{}", "other")
    with pytest.raises(BadSignature):
        READER.verify(headers, raw)
    headers.pop("x-hub-signature-256")
    if header is not None:
        headers["x-hub-signature-256"] = header
    with pytest.raises(BadSignature):
        READER.verify(headers, raw)


def test_the_signature_covers_every_byte() -> None:
    headers, raw = signed("ping", b'{"a": 1}', "new")
    with pytest.raises(BadSignature):
        READER.verify(headers, raw + b" ")


@pytest.mark.parametrize(
    ("said", "told"),
    [("failure", "failure"), ("startup_failure", "failure"), ("timed_out", "timed_out"),
     ("success", "success"), ("cancelled", "cancelled"), ("action_required", "other")],
)  # fmt: skip
def test_a_finished_run_is_an_event_whatever_its_end(
    fake: FakeGitHub, said: str, told: str
) -> None:
    run = fake.add_run(conclusion=said, actor="dev")
    headers, raw = fake.webhook("workflow_run", run, delivery="d-1")
    parsed = GitHubWebhooks([fake.secret]).parse(headers, raw)
    assert (parsed.delivery_id, parsed.event_name, parsed.body) == ("d-1", "workflow_run", raw)
    event = parsed.outcome
    assert isinstance(event, Event)
    assert (event.kind, event.platform, event.repository) == ("run_finished", "github", "acme/shop")
    assert (event.run_id, event.attempt, event.conclusion) == (str(run.id), 1, told)
    assert (event.sender, event.job_id) == ("dev", None)
    assert "requests" not in event.hints


def test_the_requests_that_a_delivery_names_are_kept(fake: FakeGitHub) -> None:
    headers, raw = fake.webhook("workflow_run", fake.add_run(pulls=(7, 9)))
    event = READER.parse(headers, raw).outcome
    assert isinstance(event, Event)
    assert event.hints["requests"] == [7, 9]
    odd = raw.replace(b'"number": 7', b'"number": true')
    event = READER.parse(headers, odd).outcome
    assert isinstance(event, Event)
    assert event.hints["requests"] == [9]


@pytest.mark.parametrize("event", ["workflow_job", "check_run"])
def test_a_failed_job_is_an_event(fake: FakeGitHub, event: str) -> None:
    run = fake.add_run(jobs={"lint": "success", "tests": "failure"})
    parsed = READER.parse(*fake.webhook(event, run, job=run.job("tests")))
    found = parsed.outcome
    assert isinstance(found, Event)
    assert (found.kind, found.run_id) == ("job_failed", str(run.id))
    assert (found.job_id, found.conclusion) == (str(run.job("tests").id), "failure")
    green = READER.parse(*fake.webhook(event, run, job=run.job("lint"))).outcome
    assert isinstance(green, Ignored)
    assert "success" in green.reason


@pytest.mark.parametrize("event", ["workflow_run", "workflow_job", "check_run"])
def test_what_has_not_ended_is_ignored(fake: FakeGitHub, event: str) -> None:
    run = fake.add_run(conclusion=None)
    outcome = READER.parse(*fake.webhook(event, run, action="requested")).outcome
    assert isinstance(outcome, Ignored)
    assert "requested" in outcome.reason


def test_checks_of_other_apps_are_ignored() -> None:
    check = {"id": 1, "conclusion": "failure", "app": {"slug": "lint-bot"}}
    outcome = parse("check_run", {"action": "completed", "check_run": check}).outcome
    assert isinstance(outcome, Ignored)
    assert "lint-bot" in outcome.reason


@pytest.mark.parametrize(
    ("event", "body", "word"),
    [
        ("ping", {}, "connected"),
        ("installation", {"action": "created"}, "created"),
        ("installation_repositories", {"action": "added"}, "added"),
        ("issue_comment", {"action": "created", "comment": {"body": "a /guard b"}}, "without"),
        ("issue_comment", {"action": "created", "comment": None}, "without"),
        ("push", {}, "push is not an event this platform acts on"),
    ],
)
def test_the_rest_is_ignored_with_a_reason(event: str, body: dict[str, Any], word: str) -> None:
    outcome = parse(event, body).outcome
    assert isinstance(outcome, Ignored)
    assert word in outcome.reason


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("", b"{}"),
        ("push", b"{"),
        ("push", b"\xff"),
        ("ping", b"[]"),
        ("workflow_run", b'{"action": "completed"}'),
        ("workflow_run", {"action": "completed", "workflow_run": {"id": 1}}),
        ("workflow_run", {"action": "completed", "workflow_run": {}, "repository": REPOSITORY}),
        ("workflow_run", {"action": "completed", "workflow_run": {"id": "1/../2"},
                          "repository": REPOSITORY}),
        ("workflow_run", {"action": "completed", "workflow_run": {"id": 1},
                          "repository": {"full_name": "acme/../x"}}),
        ("workflow_run", {"action": "completed", "workflow_run": {"id": 1},
                          "repository": {"full_name": "acme/.."}}),
        ("workflow_job", {"action": "completed", "workflow_job": {"id": 1, "conclusion": "failure"},
                          "repository": REPOSITORY}),
    ],
)  # fmt: skip
def test_what_github_would_not_send_is_malformed(event: str, body: Any) -> None:
    with pytest.raises(MalformedDelivery):
        parse(event, body)


def test_without_a_delivery_id_the_body_names_itself() -> None:
    headers, raw = signed("ping", b'{"zen": "x"}', "new")
    del headers["x-github-delivery"]
    first = READER.parse(headers, raw).delivery_id
    assert first == READER.parse(headers, raw).delivery_id
    assert first != READER.parse(headers, json.dumps({"zen": "y"}).encode()).delivery_id


def test_gaps_in_a_payload_do_no_harm() -> None:
    run = {"id": 9, "conclusion": None, "run_attempt": None, "head_branch": None}
    body = {"action": "completed", "workflow_run": run, "repository": REPOSITORY, "sender": None}
    event = parse("workflow_run", body).outcome
    assert isinstance(event, Event)
    assert (event.attempt, event.conclusion, event.sender, event.hints) == (None, None, None, {})


def comment(text: str = "/guard retry", **more: Any) -> dict[str, Any]:
    issue = {"number": 3, "state": "open", "pull_request": {"url": "x"}}
    return {
        "action": "created",
        "issue": issue | more.pop("issue", {}),
        "comment": {"id": 5, "body": text, "user": {"login": "dev", "type": "User"}},
        "repository": REPOSITORY,
        **more,
    }


def test_a_command_on_a_pull_request_is_an_event() -> None:
    event = parse("issue_comment", comment("hm\r\n/guard wrong crash\r\n/guard retry")).outcome
    assert isinstance(event, Event)
    assert (event.kind, event.repository, event.sender) == ("comment_command", "acme/shop", "dev")
    assert event.run_id == "request-3"
    assert event.hints == {
        "number": 3,
        "comment_id": "5",
        "author": "dev",
        "commands": [["wrong", "crash"], ["retry", ""]],
    }


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (comment("a /guard b"), "without"),
        (comment("```\n/guard retry\n```"), "without"),
        (comment("<!-- pipeline-guard -->\n/guard retry"), "our own"),
        (comment(action="edited"), "edited"),
        (comment(action="deleted"), "new comments"),
        (comment(issue={"pull_request": None}), "on an issue"),
        (comment(issue={"state": "closed"}), "closed"),
        (comment(sender={"login": "x", "type": "Bot"}), "bot"),
        (comment(comment={"id": 5, "body": "/guard off", "user": {"type": "Bot"}}), "bot"),
    ],
)
def test_other_comments_are_ignored(body: dict[str, Any], word: str) -> None:
    outcome = parse("issue_comment", body).outcome
    assert isinstance(outcome, Ignored)
    assert word in outcome.reason


@pytest.mark.parametrize(
    "body",
    [
        comment(issue={"number": None}),
        comment(issue={"number": "9" * 5000}),
        comment() | {"issue": None},
        comment() | {"repository": {"full_name": "../.."}},
        comment(comment={"id": "../1", "body": "/guard off", "user": {"login": "dev"}}),
        comment(comment={"id": 5, "body": "/guard off", "user": None}),
    ],
)
def test_a_command_without_its_whereabouts_is_malformed(body: dict[str, Any]) -> None:
    with pytest.raises(MalformedDelivery):
        parse("issue_comment", body)
