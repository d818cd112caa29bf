"""Verifies GitLab's webhooks (plain token or signed) and says what happened, without any I/O."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from pipeline_guard.domain.commands import command_event, parse_commands
from pipeline_guard.domain.events import Event, EventKind, Ignored, Parsed
from pipeline_guard.errors import BadSignature, ConfigError, MalformedDelivery
from pipeline_guard.platforms.gitlab import shapes

TOLERANCE_SECONDS: Final = 300
"""How far a signed delivery's clock may be from ours, either way (Standard Webhooks)."""
SIGNING_PREFIX: Final = "whsec_"
EPOCH_SECOND: Final = re.compile(r"[0-9]{1,12}")
BOT: Final = re.compile(r"(?:project|group)_\d+_bot\w*")
"""User names that GitLab gives to the bots of access tokens."""


def signing_key(token: str) -> bytes:
    """The HMAC key of a signing token.

    GitLab's own are `whsec_` and base64; one without the prefix is used as it is. Raises
    ConfigError for a prefix with nothing usable behind it, which would be an empty key.
    """
    if not token.startswith(SIGNING_PREFIX):
        return token.encode()
    try:
        key = base64.b64decode(token.removeprefix(SIGNING_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ConfigError("a GitLab signing token must be 'whsec_' followed by base64")
    return key


def _utc_now() -> datetime:
    return datetime.now(UTC)


class GitLabWebhooks:
    """Reads deliveries of project and group hooks; `base_url` only tells a path prefix apart."""

    def __init__(
        self,
        tokens: Sequence[str],
        signing_tokens: Sequence[str] = (),
        *,
        base_url: str = "",
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._tokens = tuple(token.encode() for token in tokens)
        self._keys = tuple(signing_key(token) for token in signing_tokens)
        self._prefix = urlsplit(base_url).path.strip("/")
        self._now = now

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise BadSignature unless a secret of ours vouches for the raw bytes.

        Once a signing token is set, the plain one is no longer enough.
        """
        if self._keys:
            self._verify_signature(headers, body)
        else:
            self._verify_token(headers)

    def _verify_token(self, headers: Mapping[str, str]) -> None:
        given = _raw(headers.get("x-gitlab-token", ""))
        if not given or not any(hmac.compare_digest(given, token) for token in self._tokens):
            raise BadSignature("X-Gitlab-Token is missing or wrong")

    def _verify_signature(self, headers: Mapping[str, str], body: bytes) -> None:
        message_id = headers.get("webhook-id", "")
        timestamp = headers.get("webhook-timestamp", "")
        given = [
            _raw(signature.removeprefix("v1,"))
            for signature in headers.get("webhook-signature", "").split(" ")
            if signature.startswith("v1,")
        ]
        if not message_id or not given or not EPOCH_SECOND.fullmatch(timestamp):
            raise BadSignature("webhook-id, webhook-timestamp and webhook-signature are needed")
        if abs(self._now().timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
            raise BadSignature("webhook-timestamp is more than five minutes from now")
        signed = b".".join((_raw(message_id), timestamp.encode(), body))
        expected = [
            base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()) for key in self._keys
        ]
        if not any(hmac.compare_digest(one, other) for one in expected for other in given):
            raise BadSignature("webhook-signature matches none of our signing tokens")

    def parse(self, headers: Mapping[str, str], body: bytes) -> Parsed:
        """Turn verified bytes into an event, or a reason to ignore them.

        `headers` has lower-case keys. Raises MalformedDelivery for what is not GitLab's.
        """
        payload = _json_object(body)
        kind = _text(payload.get("object_kind"))
        match kind:
            case "pipeline":
                outcome: Event | Ignored = self._pipeline(payload)
            case "build":
                outcome = self._job(payload)
            case "note":
                outcome = self._note(payload)
            case _:
                outcome = Ignored(f"Nothing is done for {kind or 'nameless'} events.")
        name = headers.get("x-gitlab-event") or kind or "unknown"
        return Parsed(_delivery_id(headers, body), name, outcome, body)

    def _pipeline(self, payload: Mapping[str, Any]) -> Event | Ignored:
        pipeline = _mapping(payload.get("object_attributes"))
        run_id = _number(pipeline.get("id"), "object_attributes.id")
        status = _text(pipeline.get("status"))
        conclusion = shapes.CONCLUSIONS.get(status)
        if conclusion is None:
            return Ignored(f"The pipeline is not finished: {status or 'no status'}.")
        event = self._event("run_finished", payload, run_id, conclusion=conclusion)
        if shapes.had_retries(pipeline, payload.get("builds")):
            event.hints["attempt_at_least"] = 2
        return event

    def _job(self, payload: Mapping[str, Any]) -> Event | Ignored:
        status = _text(payload.get("build_status"))
        name = _text(payload.get("build_name"))
        if status != "failed":
            return Ignored(f"The job {name} did not fail: {status or 'no status'}.")
        if payload.get("build_allow_failure") is True:
            return Ignored(f"The job {name} is allowed to fail.")
        job_id = _number(payload.get("build_id"), "build_id")
        run_id = _number(payload.get("pipeline_id"), "pipeline_id")
        return self._event("job_failed", payload, run_id, job_id=job_id)

    def _note(self, payload: Mapping[str, Any]) -> Event | Ignored:
        note = _mapping(payload.get("object_attributes"))
        commands = parse_commands(_text(note.get("note")))
        request = _mapping(payload.get("merge_request"))
        if _text(note.get("noteable_type")) != "MergeRequest" or not commands:
            return Ignored("The note holds no /guard command on a merge request.")
        if reason := _no_command(note, request):
            return Ignored(reason)
        author = _text(_mapping(payload.get("user")).get("username"))
        if not author:
            raise MalformedDelivery("The delivery does not say whose note it is.")
        if BOT.fullmatch(author):
            return Ignored("The note is by a bot; only people give commands.")
        number = int(_number(request.get("iid"), "merge_request.iid"))
        note_id = _number(note.get("id"), "object_attributes.id")
        repository = self._repository(payload)
        return command_event(shapes.PLATFORM, repository, number, note_id, author, commands)

    def _repository(self, payload: Mapping[str, Any]) -> str:
        project = _mapping(payload.get("project"))
        project_id = project.get("id") or payload.get("project_id")
        found = _text(project.get("path_with_namespace")) or self._path_of(payload)
        if not found and not project_id:
            raise MalformedDelivery("The delivery names no project.")
        return found or str(project_id)

    def _event(
        self, kind: EventKind, payload: Mapping[str, Any], run_id: str, **more: Any
    ) -> Event:
        project = _mapping(payload.get("project"))
        project_id = project.get("id") or payload.get("project_id")
        return Event(
            kind=kind,
            platform=shapes.PLATFORM,
            repository=self._repository(payload),
            run_id=run_id,
            sender=_text(_mapping(payload.get("user")).get("username")) or None,
            hints={"project_id": project_id} if project_id else {},
            **more,
        )

    def _path_of(self, payload: Mapping[str, Any]) -> str:
        """The project's full path out of its home page: job events of older GitLab lack it."""
        homepage = _text(_mapping(payload.get("repository")).get("homepage"))
        path = homepage.partition("://")[2].partition("/")[2].strip("/")
        return path.removeprefix(f"{self._prefix}/") if self._prefix else path


def _no_command(note: Mapping[str, Any], request: Mapping[str, Any]) -> str | None:
    """Why a note with a command in it is none, if so.

    Servers before 16.11 send edited notes too and do not say that they are: only the times tell.
    """
    if note.get("system") is True:
        return "The note is GitLab's own."
    edited = note.get("updated_at") != note.get("created_at")
    if _text(note.get("action")) != "create" and (note.get("action") or edited):
        return "The note was edited; only a new one is a command."
    if _text(request.get("state")) not in ("", "opened"):
        return "The merge request is not open any more."
    return None


def _delivery_id(headers: Mapping[str, str], body: bytes) -> str:
    """An id that is one delivery's own and comes again when GitLab sends the same one again.

    `webhook-id` (GitLab 19, signed) and `Idempotency-Key` (17.4) are exactly that and equal.
    `X-Gitlab-Event-UUID` is not: events caused by an earlier webhook share it, so on older
    servers it is only mixed into a digest of the body.
    """
    named = headers.get("webhook-id") or headers.get("idempotency-key")
    if named:
        return named
    event = _raw(headers.get("x-gitlab-event-uuid", ""))
    return hashlib.sha256(event + b"\n" + body).hexdigest()


def _raw(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedDelivery(f"The body is not JSON: {error}") from None
    if not isinstance(payload, dict):
        raise MalformedDelivery("The body is not a JSON object.")
    return payload


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object, field: str) -> str:
    """An id as text; GitLab's are positive integers."""
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise MalformedDelivery(f"The delivery has no usable {field}.")
    return str(value)
