"""Deliveries are believed only with a secret of ours, and say what happened."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.fakes.gitlab import hooks

from pipeline_guard.domain.events import Event, Ignored
from pipeline_guard.errors import BadSignature, ConfigError, MalformedDelivery
from pipeline_guard.platforms.gitlab.webhook import GitLabWebhooks, signing_key

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
STAMP = int(NOW.timestamp())
TOKEN = hooks.new_signing_token(b"a" * 32)
OTHER = hooks.new_signing_token(b"b" * 32)
BODY = b'{"object_kind": "push"}'


def reader(*signing: str, tokens: tuple[str, ...] = ("one", "two")) -> GitLabWebhooks:
    return GitLabWebhooks(tokens, signing, base_url="https://git.example/forge", now=lambda: NOW)


def signed(token: str = TOKEN, *, stamp: int = STAMP, body: bytes = BODY) -> dict[str, str]:
    return {
        "webhook-id": "m-1",
        "webhook-timestamp": str(stamp),
        "webhook-signature": hooks.sign(token, "m-1", stamp, body),
    }


@pytest.mark.parametrize("token", ["one", "two"])
def test_any_of_the_plain_tokens_will_do(token: str) -> None:
    reader().verify({"x-gitlab-token": token}, BODY)


@pytest.mark.parametrize("token", ["", "on", "one ", "three", "ünë", "\udcff"])
def test_a_wrong_plain_token_is_refused(token: str) -> None:
    with pytest.raises(BadSignature):
        reader().verify({"x-gitlab-token": token}, BODY)
    with pytest.raises(BadSignature):
        reader().verify({}, BODY)


def test_no_secret_at_all_lets_nobody_in() -> None:
    with pytest.raises(BadSignature):
        reader(tokens=()).verify({"x-gitlab-token": ""}, BODY)


@pytest.mark.parametrize("token", [TOKEN, OTHER])
@pytest.mark.parametrize("late", [-300, 0, 300])
def test_a_signature_of_any_of_our_tokens_is_believed(token: str, late: int) -> None:
    reader(TOKEN, OTHER).verify(signed(token, stamp=STAMP - late), BODY)


def test_a_signature_made_elsewhere_is_believed() -> None:
    # From the reference vector of Standard Webhooks' own libraries.
    body = b'{"test": 2432232314}'
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    then = datetime.fromtimestamp(1614265330, UTC)
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    GitLabWebhooks((), (key,), now=lambda: then).verify(headers, body)


def test_one_good_signature_among_several_is_enough() -> None:
    headers = signed()
    headers["webhook-signature"] = f"v2,xx v1,AAAA {headers['webhook-signature']} junk"
    reader(TOKEN).verify(headers, BODY)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "m-2"},
        {"webhook-id": ""},
        {"webhook-timestamp": str(STAMP + 1)},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "²"},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-timestamp": ""},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": hooks.sign(TOKEN, "m-1", STAMP, BODY).replace("v1,", "v2,")},
        {"webhook-signature": hooks.sign(OTHER, "m-1", STAMP, BODY)},
        {"webhook-signature": hooks.sign(TOKEN, "m-1", STAMP, BODY + b" ")},
    ],
)
def test_a_changed_delivery_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        reader(TOKEN).verify(signed() | change, BODY)


@pytest.mark.parametrize("late", [-301, 301, 10**12])
def test_an_old_signature_is_refused(late: int) -> None:
    with pytest.raises(BadSignature, match="five minutes"):
        reader(TOKEN).verify(signed(stamp=max(0, STAMP - late)), BODY)


def test_with_a_signing_token_the_plain_one_is_no_longer_enough() -> None:
    with pytest.raises(BadSignature):
        reader(TOKEN).verify({"x-gitlab-token": "one"}, BODY)
    reader(TOKEN).verify(signed() | {"x-gitlab-token": "wrong"}, BODY)


def test_signing_keys() -> None:
    assert signing_key(TOKEN) == b"a" * 32
    assert signing_key("as it is") == b"as it is"
    for unusable in ("whsec_", "whsec_!!", "whsec_YQ"):
        with pytest.raises(ConfigError):
            signing_key(unusable)


def pipeline(status: str = "failed", **more: Any) -> dict[str, Any]:
    return {
        "object_kind": "pipeline",
        "object_attributes": {"id": 31, "status": status, "ref": "main", "sha": "abc"},
        "project": {"id": 7, "path_with_namespace": "group/sub/app"},
        "user": {"username": "dev"},
        **more,
    }


def job(status: str = "failed", **more: Any) -> dict[str, Any]:
    return {
        "object_kind": "build",
        "build_id": 9,
        "build_name": "unit",
        "build_status": status,
        "build_failure_reason": "runner_system_failure",
        "pipeline_id": 31,
        "project_id": 7,
        "project_name": "Group / App",
        "repository": {"homepage": "https://git.example/forge/group/app"},
        **more,
    }


def outcome(payload: dict[str, Any]) -> Event | Ignored:
    return reader().parse({}, json.dumps(payload).encode()).outcome


@pytest.mark.parametrize(
    ("status", "conclusion"),
    [
        ("failed", "failure"),
        ("success", "success"),
        ("canceled", "cancelled"),
        ("skipped", "skipped"),
    ],
)
def test_a_finished_pipeline_is_a_finished_run(status: str, conclusion: str) -> None:
    event = outcome(pipeline(status))
    assert isinstance(event, Event)
    assert (event.kind, event.platform, event.run_id) == ("run_finished", "gitlab", "31")
    assert (event.repository, event.sender) == ("group/sub/app", "dev")
    assert event.conclusion == conclusion
    assert event.hints["project_id"] == 7


@pytest.mark.parametrize("status", ["created", "pending", "running", "manual", "canceling", ""])
def test_an_unfinished_pipeline_is_ignored(status: str) -> None:
    ignored = outcome(pipeline(status))
    assert isinstance(ignored, Ignored)
    assert "not finished" in ignored.reason


def test_a_failed_job_points_at_its_pipeline() -> None:
    event = outcome(job())
    assert isinstance(event, Event)
    assert (event.kind, event.run_id, event.job_id) == ("job_failed", "31", "9")
    assert event.repository == "group/app"
    assert event.hints == {"project_id": 7}
    assert event.sender is None


def test_a_job_that_names_its_project_is_believed_over_its_home_page() -> None:
    event = outcome(job(project={"id": 7, "path_with_namespace": "real/app"}))
    assert isinstance(event, Event)
    assert event.repository == "real/app"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (job("running"), "did not fail"),
        (job("success"), "did not fail"),
        (job(build_allow_failure=True), "allowed to fail"),
        ({"object_kind": "push"}, "push"),
        ({"object_kind": 3}, "nameless"),
        ({}, "nameless"),
        ({"object_kind": "note"}, "no /guard command"),
    ],
)
def test_all_else_is_ignored_with_a_reason(payload: dict[str, Any], reason: str) -> None:
    ignored = outcome(payload)
    assert isinstance(ignored, Ignored)
    assert reason in ignored.reason


def note(text: str = "/guard retry", **more: Any) -> dict[str, Any]:
    attributes = {"id": 5, "note": text, "noteable_type": "MergeRequest", "action": "create"}
    return {
        "object_kind": "note",
        "object_attributes": attributes | more.pop("attributes", {}),
        "merge_request": {"iid": 3, "state": "opened"},
        "project": {"id": 7, "path_with_namespace": "group/sub/app"},
        "user": {"username": "dev"},
        **more,
    }


def test_a_command_in_a_note_on_a_merge_request_is_an_event() -> None:
    event = outcome(note("please\n/guard wrong crash\n/guard retry"))
    assert isinstance(event, Event)
    assert (event.kind, event.repository, event.sender) == (
        "comment_command", "group/sub/app", "dev",
    )  # fmt: skip
    assert event.run_id == "request-3"
    assert event.hints == {
        "number": 3,
        "comment_id": "5",
        "author": "dev",
        "commands": [["wrong", "crash"], ["retry", ""]],
    }


def test_servers_that_name_no_action_send_new_notes_too() -> None:
    when = {"action": None, "created_at": "2026-01-01", "updated_at": "2026-01-01"}
    assert isinstance(outcome(note(attributes=when)), Event)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (note("try /guard retry"), "no /guard command"),
        (note("```\n/guard retry\n```"), "no /guard command"),
        (note("<!-- pipeline-guard -->\n/guard retry"), "no /guard command"),
        (note(attributes={"noteable_type": "Issue"}), "no /guard command"),
        (note(attributes={"action": "update"}), "edited"),
        (note(attributes={"action": None, "created_at": "1", "updated_at": "2"}), "edited"),
        (note(attributes={"system": True}), "GitLab's own"),
        (note(user={"username": "project_7_bot_0a1b"}), "bot"),
        (note(merge_request={"iid": 3, "state": "merged"}), "not open"),
    ],
)
def test_other_notes_are_ignored(payload: dict[str, Any], reason: str) -> None:
    ignored = outcome(payload)
    assert isinstance(ignored, Ignored)
    assert reason in ignored.reason


def test_a_home_page_that_is_no_address_is_no_path() -> None:
    event = outcome(job(repository={"homepage": "https://[git.example"}))
    assert isinstance(event, Event)
    assert event.repository == "7"


@pytest.mark.parametrize(
    "payload",
    [
        note(user=None),
        note(merge_request={}),
        note(attributes={"id": "x"}),
        note(project=None),
    ],
)
def test_a_command_without_its_whereabouts_is_malformed(payload: dict[str, Any]) -> None:
    with pytest.raises(MalformedDelivery):
        outcome(payload)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"text"',
        b"{",
        b"\xff",
        json.dumps(pipeline() | {"object_attributes": None}).encode(),
        json.dumps(
            pipeline() | {"object_attributes": {"id": "31; drop", "status": "failed"}}
        ).encode(),
        json.dumps(pipeline() | {"object_attributes": {"id": True, "status": "failed"}}).encode(),
        json.dumps(pipeline() | {"project": None}).encode(),
        json.dumps(job(pipeline_id=None)).encode(),
        json.dumps(job(build_id="../1")).encode(),
    ],
)
def test_what_is_not_gitlabs_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedDelivery):
        reader().parse({"x-gitlab-event": "Pipeline Hook"}, body)


def ended(
    *made: object, created_at: object = "2026-11-20 10:00:00 UTC", **attributes: object
) -> dict[str, Any]:
    """A green pipeline with a job for each of the times that one was made."""
    known = pipeline("success")["object_attributes"]
    return pipeline(
        "success",
        object_attributes=known | {"created_at": created_at} | attributes,
        builds=[
            {"id": 1, "name": "unit", "status": "success", "created_at": time} for time in made
        ],
    )


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (ended("2026-11-20 10:00:00 UTC", "2026-11-20 10:00:12 UTC", queued_duration=4), True),
        (ended("2026-11-20T10:00:12.123Z", created_at="2026-11-20T10:00:00.9Z",
               queued_duration=4), True),
        (ended("2026-11-20 10:00:03 UTC", queued_duration=None), True),
        (ended("2026-11-20 10:02:00 UTC", queued_duration=3600), True),
        (ended("2026-11-20 10:02:00 UTC"), True),
        (ended("2026-11-20 05:02:00 -0500", created_at="2026-11-20 12:00:00 +0200"), True),
        (ended("2026-11-20 12:00:30 +0200"), False),
        (ended("2026-11-20 10:00:00 UTC", "2026-11-20 10:00:05 UTC", queued_duration=4), False),
        (ended("2026-11-20 10:00:01 UTC", queued_duration=None), False),
        (ended("2026-11-20 10:00:30 UTC"), False),
        (ended(None, 20990101, "soon", "9999-12-31T23:59:59"), True),
        (ended("2026-11-20 10:02:00 UTC", created_at=None), False),
        (ended(20990101, "soon"), False),
        (ended("0001-01-01T00:00:00+14:00", created_at="9999-12-31T23:59:59-14:00"), False),
        (ended("2026-11-20 10:00:30 UTC", queued_duration="long"), True),
        (pipeline("success", builds=["none"]), False),
    ],
)  # fmt: skip
def test_a_job_that_was_made_after_the_first_start_tells_of_a_retry(
    payload: dict[str, Any], told: bool
) -> None:
    event = outcome(payload)
    assert isinstance(event, Event)
    assert event.hints.get("attempt_at_least", 1) == 1 + told


def test_odd_shapes_are_read_leniently() -> None:
    event = outcome(pipeline(user=None, merge_request=[], builds="none", project={"id": 7}))
    assert isinstance(event, Event)
    assert (event.repository, event.sender) == ("7", None)


def test_a_delivery_is_known_by_what_gitlab_repeats_when_it_sends_again() -> None:
    def known(**headers: str) -> str:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return reader().parse(named, BODY).delivery_id

    assert known(webhook_id="a", idempotency_key="b", x_gitlab_event_uuid="c") == "a"
    assert known(idempotency_key="b", x_gitlab_event_uuid="c") == "b"
    # Events caused by a webhook share their UUID, so it alone would drop the second of them.
    shared = known(x_gitlab_event_uuid="c")
    assert shared == known(x_gitlab_event_uuid="c") != known(x_gitlab_event_uuid="d")
    other = reader().parse({"x-gitlab-event-uuid": "c"}, b'{"object_kind": "note"}').delivery_id
    assert other != shared
    assert known() == hashlib.sha256(b"\n" + BODY).hexdigest()


def test_the_delivery_keeps_its_name_and_bytes() -> None:
    parsed = reader().parse({"x-gitlab-event": "Push Hook"}, BODY)
    assert (parsed.event_name, parsed.body, parsed.logs) == ("Push Hook", BODY, ())
    assert reader().parse({}, BODY).event_name == "push"
