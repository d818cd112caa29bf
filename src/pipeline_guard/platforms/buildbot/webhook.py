"""Verifies the token of a Buildbot status push and turns its build into an event, without I/O."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from pipeline_guard.domain.events import Event, Ignored, InlineLog, Parsed
from pipeline_guard.errors import BadSignature, MalformedDelivery
from pipeline_guard.platforms.buildbot.words import (
    conclusion_of,
    main_stamp,
    of_rebuild,
    repository_of,
)

PLATFORM = "buildbot"
OWN_HEADER = "x-buildbot-token"


class BuildbotWebhook:
    """Reads what `reporters.HttpStatusPush` sends: one build as JSON, at its start and its end."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tuple(token.encode() for token in tokens)

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise BadSignature unless a header carries one of our tokens; every one is compared."""
        del body  # Buildbot signs nothing: the token is all there is
        sent = [value.encode() for value in _sent_tokens(headers)]
        if not sent:
            raise BadSignature("no token: neither Authorization nor X-Buildbot-Token is set")
        matches = [hmac.compare_digest(one, ours) for one in sent for ours in self._tokens]
        if not any(matches):
            raise BadSignature("the token is not one of BUILDBOT_WEBHOOK_TOKEN")

    def parse(self, headers: Mapping[str, str], body: bytes) -> Parsed:
        """Turn a build into an event; raises MalformedDelivery when the body is not one."""
        del headers
        payload = _load(body)
        buildid = payload.get("buildid")
        if not isinstance(buildid, int) or isinstance(buildid, bool):
            if isinstance(payload.get("buildrequest"), dict):
                reason = Ignored("a request for a build; nothing has run yet")
                return Parsed(hashlib.sha256(body).hexdigest(), "buildrequest", reason, body)
            raise MalformedDelivery("no `buildid`: is the reporter's formatter the JSON one?")
        complete = payload.get("complete") is True
        logs = tuple(_take_logs(payload))
        return Parsed(
            delivery_id=_delivery_id(payload, buildid),
            event_name="build.finished" if complete else "build.started",
            outcome=_event(payload, buildid) if complete else Ignored("the build is not finished"),
            body=orjson.dumps(payload) if logs else body,
            logs=logs if complete else (),
        )


def _sent_tokens(headers: Mapping[str, str]) -> Iterator[str]:
    """The tokens a request carries: our header, a bearer token, or a password of basic auth."""
    if own := headers.get(OWN_HEADER, "").strip():
        yield own
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        yield value.strip()
    elif scheme.lower() == "basic":
        try:
            pair = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            return
        if password := pair.partition(":")[2]:
            yield password


def _load(body: bytes) -> dict[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedDelivery(f"not JSON: {error}") from None
    if not isinstance(payload, dict):
        raise MalformedDelivery(
            "not a JSON object: HttpStatusPush must send the build, not a message's text"
        )
    return payload


def _delivery_id(payload: Mapping[str, Any], buildid: int) -> str:
    """What makes a push this one: Buildbot sends no id, and the same push twice must be the same.

    The times keep apart the builds of a master whose database was made anew and counts from 1.
    """
    times = [payload.get(name) for name in ("started_at", "complete_at", "results")]
    return "-".join(["build", *(str(part)[:40] for part in (buildid, *times))])


def _event(payload: Mapping[str, Any], buildid: int) -> Event:
    buildset = payload.get("buildset")
    builder = payload.get("builder")
    if not isinstance(buildset, dict) or not isinstance(builder, dict):
        raise MalformedDelivery("a finished build without its `buildset` and `builder`")
    first = buildset.get("rebuilt_buildid")
    return Event(
        kind="run_finished",
        platform=PLATFORM,
        repository=repository_of(
            main_stamp(_dicts(buildset.get("sourcestamps"))), str(builder.get("name") or "")
        ),
        # A rebuild names the first build of its chain; the API says the rest.
        run_id=str(first if isinstance(first, int) else buildid),
        conclusion=conclusion_of(payload.get("results")),
        job_id=str(buildid),
        hints={"buildid": buildid, **of_rebuild(first)},
    )


def _take_logs(payload: dict[str, Any]) -> Iterator[InlineLog]:
    """Remove the logs' text from the payload, yielding those of steps that did not pass."""
    for step in _dicts(payload.get("steps")):
        for log in _dicts(step.get("logs")):
            content = log.pop("content", None)
            text = content.get("content") if isinstance(content, dict) else content
            if isinstance(text, str) and conclusion_of(step.get("results")) == "failure":
                yield InlineLog(
                    job_id=str(payload["buildid"]),
                    name=f"{step.get('name')}/{log.get('name')}",
                    text=_plain(text) if log.get("type") == "s" else text,
                )


def _dicts(value: object) -> list[dict[str, Any]]:
    """The objects of a JSON list; none where something else came."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _plain(text: str) -> str:
    """A stdio log's text without the letter before each line that says which stream it was."""
    return "".join(line[1:] for line in text.splitlines(keepends=True))
