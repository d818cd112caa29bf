"""The webhook reader on what a real master pushed, and on what it must refuse."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.platforms.buildbot.conftest import TOKEN, Master

from pipeline_guard.domain.events import Event, Ignored
from pipeline_guard.errors import BadSignature, MalformedDelivery
from pipeline_guard.platforms.buildbot.webhook import BuildbotWebhook

READER = BuildbotWebhook(["older-token", TOKEN])


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def payload(**changes: Any) -> bytes:
    build = {
        "buildid": 7,
        "number": 3,
        "complete": True,
        "started_at": 1000,
        "complete_at": 1010,
        "results": 2,
        "builder": {"name": "unit"},
        "buildset": {"rebuilt_buildid": None, "sourcestamps": [{"codebase": "", "project": ""}]},
    }
    return json.dumps(build | changes).encode()


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {TOKEN}"},
        {"authorization": "bearer older-token"},
        {"x-buildbot-token": TOKEN},
        basic("pipeline-guard", TOKEN),
    ],
)
def test_each_way_to_carry_a_token_is_let_in(headers: Mapping[str, str]) -> None:
    READER.verify(headers, b"{}")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer "},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": TOKEN},
        {"authorization": "Basic not base64!"},
        {"authorization": "Bearer Ünsinn"},
        basic(TOKEN, ""),
        basic(TOKEN, "wrong"),
    ],
)
def test_anything_else_is_refused(headers: Mapping[str, str]) -> None:
    with pytest.raises(BadSignature):
        READER.verify(headers, b"{}")


def test_a_reader_without_tokens_lets_nobody_in() -> None:
    with pytest.raises(BadSignature):
        BuildbotWebhook([]).verify({"authorization": "Bearer x"}, b"{}")


async def test_a_real_push_is_the_event_of_its_build(master: Master) -> None:
    build = await master.built("several", project="acme/shop", revision="c" * 40)
    headers, body = await master.push_of(build["buildid"], "/plain")
    READER.verify(headers, body)
    parsed = READER.parse(headers, body)
    assert isinstance(parsed.outcome, Event)
    assert parsed.outcome.repository == "acme/shop"
    assert parsed.outcome.run_id == str(build["buildid"])
    assert parsed.outcome.conclusion == "failure"
    assert (parsed.body, parsed.logs) == (body, ())
    assert READER.parse(headers, body).delivery_id == parsed.delivery_id


async def test_a_real_push_about_a_start_is_ignored(master: Master) -> None:
    build = await master.built("green")
    end_headers, end_body = await master.push_of(build["buildid"], "/plain")
    started = next(
        body
        for path, _, body in master.receiver.pushes
        if path == "/plain" and json.loads(body)["buildid"] == build["buildid"]
    )
    parsed = READER.parse({}, started)
    assert isinstance(parsed.outcome, Ignored)
    assert parsed.delivery_id != READER.parse(end_headers, end_body).delivery_id


async def test_inlined_logs_leave_the_body_and_lose_their_stream_letters(master: Master) -> None:
    build = await master.built("several")
    headers, body = await master.push_of(build["buildid"], "/with-logs")
    READER.verify(headers, body)
    parsed = READER.parse(headers, body)
    assert {log.name for log in parsed.logs} == {
        "first check/stdio",
        "second check/stdio",
        "second check/report",
    }
    assert {log.job_id for log in parsed.logs} == {str(build["buildid"])}
    text = "".join(log.text for log in parsed.logs)
    assert "\nfirst went wrong\n" in text
    assert "all is prepared" not in text
    for secret in (b"first went wrong", b"all is prepared", b"report said: why"):
        assert secret not in parsed.body
    assert json.loads(parsed.body)["buildid"] == build["buildid"]


@pytest.mark.parametrize(
    ("results", "conclusion"),
    [(0, "success"), (1, "success"), (2, "failure"), (3, "skipped"), (4, "failure"),
     (5, "other"), (6, "cancelled"), (None, "other")],
)  # fmt: skip
def test_every_result_code_has_a_conclusion(results: int | None, conclusion: str) -> None:
    outcome = READER.parse({}, payload(results=results)).outcome
    assert isinstance(outcome, Event)
    assert outcome.conclusion == conclusion


def test_a_rebuild_points_at_the_first_build() -> None:
    outcome = READER.parse({}, payload(buildset={"rebuilt_buildid": 4, "sourcestamps": []})).outcome
    assert isinstance(outcome, Event)
    assert (outcome.run_id, outcome.job_id, outcome.repository) == ("4", "7", "unit")
    assert outcome.hints["attempt_at_least"] == 2, "so a green one is worth reading"


def test_the_same_build_number_of_a_new_master_is_another_delivery() -> None:
    ids = {READER.parse({}, payload(started_at=at)).delivery_id for at in (1000, 1000, 2000)}
    assert len(ids) == 2


def test_a_build_request_is_ignored_and_rubbish_is_malformed() -> None:
    request = READER.parse({}, b'{"buildrequest": {"buildrequestid": 1}}')
    assert isinstance(request.outcome, Ignored)
    for body in (
        *(b"", b"[]", b'"Build done."', b"{", b"{}", b"\xff", b'{"buildid": "7"}'),
        *(b'{"buildid": 7, "complete": true}', b'{"buildid": true, "complete": true}'),
    ):
        with pytest.raises(MalformedDelivery):
            READER.parse({}, body)


@pytest.mark.parametrize(
    ("stamps", "name"),
    [
        ([{"codebase": "", "project": "acme/shop", "repository": "x"}], "acme/shop"),
        ([{"codebase": "", "repository": "https://user@git.example/acme/shop.git"}], "acme/shop"),
        ([{"codebase": "", "repository": "git@git.example:acme/shop.git"}], "acme/shop"),
        ([{"codebase": "", "repository": "ssh://git@[::1/acme/shop"}], "acme/shop"),
        ([{"codebase": "", "repository": "file:///srv/git/shop.git/"}], "git/shop"),
        ([{"codebase": "z", "project": "z/z"}, {"codebase": "a", "project": "a/a"}], "a/a"),
        ([], "unit"),
    ],
)
def test_the_repository_is_named_by_the_main_source_stamp(
    stamps: list[dict[str, str]], name: str
) -> None:
    body = payload(buildset={"rebuilt_buildid": None, "sourcestamps": stamps})
    outcome = READER.parse({}, body).outcome
    assert isinstance(outcome, Event)
    assert outcome.repository == name


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "sourcestamps", "logs", "content", "type", "project"]), inner
        )
    ),
    max_leaves=12,
)
FIELDS = ["buildid", "complete", "results", "started_at", "builder", "buildset", "steps"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_whatever_a_token_holder_sends_is_an_event_ignored_or_malformed(
    changes: dict[str, Any],
) -> None:
    try:
        parsed = READER.parse({}, payload(**changes))
    except MalformedDelivery:
        return
    assert isinstance(parsed.outcome, Event | Ignored)
    assert 0 < len(parsed.delivery_id) < 200
