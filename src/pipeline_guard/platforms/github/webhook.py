"""Verifies GitHub deliveries and turns them into events; pure, no I/O."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from pipeline_guard.domain.commands import MARKER, command_event, parse_commands
from pipeline_guard.domain.events import Event, Ignored, Parsed
from pipeline_guard.errors import BadSignature, MalformedDelivery
from pipeline_guard.platforms.github.read import conclusion_of, dig, text

Payload = dict[str, Any]

_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_RUN_IN_URL: Final = re.compile(r"/runs/([0-9]{1,19})(?:[/?#]|$)")
_NUMBER: Final = re.compile(r"[0-9]{1,19}")
_LONGEST_DELIVERY_ID: Final = 200
_MOST_REQUESTS: Final = 20


class GitHubWebhooks:
    """Reads deliveries signed with any of `secrets` (several during a rotation)."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = tuple(secret.encode() for secret in secrets)

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raise BadSignature unless `X-Hub-Signature-256` is the HMAC-SHA256 of the raw bytes.

        https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
        """
        given = headers.get("x-hub-signature-256")
        if not given:
            raise BadSignature("X-Hub-Signature-256 is missing")
        scheme, _, digest = given.strip().partition("=")
        if scheme != "sha256":
            raise BadSignature("X-Hub-Signature-256 does not begin with sha256=")
        sent = digest.strip().lower().encode("utf-8", "replace")
        matches = [
            hmac.compare_digest(hmac.digest(secret, body, "sha256").hex().encode(), sent)
            for secret in self._secrets  # every secret is tried, so time tells nothing
        ]
        if not any(matches):
            raise BadSignature("X-Hub-Signature-256 does not match the body and our secret")

    def parse(self, headers: Mapping[str, str], body: bytes) -> Parsed:
        """Turn verified bytes into an event or a reason to ignore them.

        Raises MalformedDelivery for a missing event name, for what is not a JSON object, and for
        an event we act on that lacks what GitHub documents.
        """
        name = headers.get("x-github-event", "").strip()
        if not name:
            raise MalformedDelivery("X-GitHub-Event is missing, so the event cannot be told")
        payload = _object(body)
        outcome = _READERS[name](payload) if name in _READERS else _not_ours(name)
        return Parsed(
            delivery_id=_delivery_id(headers, body), event_name=name, outcome=outcome, body=body
        )


def _object(body: bytes) -> Payload:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedDelivery(f"The body is not JSON: {error}") from None
    if not isinstance(payload, dict):
        raise MalformedDelivery("The body is JSON, but not an object")
    return payload


def _delivery_id(headers: Mapping[str, str], body: bytes) -> str:
    given = headers.get("x-github-delivery", "").strip()
    if given and len(given) <= _LONGEST_DELIVERY_ID:
        return given
    return hashlib.sha256(body).hexdigest()


def _not_ours(name: str) -> Ignored:
    return Ignored(f"{name[:80]} is not an event this platform acts on")


def _workflow_run(payload: Payload) -> Event | Ignored:
    action = payload.get("action")
    if action != "completed":
        return Ignored(f"workflow_run {_word(action)}: only completed runs matter")
    run = _part(payload, "workflow_run")
    return Event(
        kind="run_finished",
        platform="github",
        repository=_repository(payload),
        run_id=_id(run, "id", "workflow_run"),
        attempt=_attempt(run),
        conclusion=conclusion_of(run.get("conclusion")),
        sender=_sender(payload),
        hints=_hints(head_sha=run.get("head_sha"), branch=run.get("head_branch")) | _requests(run),
    )


def _workflow_job(payload: Payload) -> Event | Ignored:
    action = payload.get("action")
    if action != "completed":
        return Ignored(f"workflow_job {_word(action)}: only completed jobs matter")
    job = _part(payload, "workflow_job")
    conclusion = conclusion_of(job.get("conclusion"))
    if conclusion not in ("failure", "timed_out"):
        return Ignored(f"workflow_job completed with {_word(job.get('conclusion'))}: not a failure")
    return Event(
        kind="job_failed",
        platform="github",
        repository=_repository(payload),
        run_id=_id(job, "run_id", "workflow_job"),
        attempt=_attempt(job),
        conclusion=conclusion,
        job_id=_id(job, "id", "workflow_job"),
        sender=_sender(payload),
        hints=_hints(head_sha=job.get("head_sha"), branch=job.get("head_branch")),
    )


def _check_run(payload: Payload) -> Event | Ignored:
    if payload.get("action") != "completed":
        return Ignored(f"check_run {_word(payload.get('action'))}: only completed checks matter")
    check = _part(payload, "check_run")
    conclusion = conclusion_of(check.get("conclusion"))
    if conclusion not in ("failure", "timed_out"):
        return Ignored(f"check_run completed with {_word(check.get('conclusion'))}: not a failure")
    app = check.get("app")
    slug = app.get("slug") if isinstance(app, dict) else None
    if slug != "github-actions":
        return Ignored(f"check_run of the app {_word(slug)}: only GitHub Actions' own are healed")
    found = _RUN_IN_URL.search(str(check.get("details_url") or check.get("html_url") or ""))
    if found is None:
        return Ignored("check_run without a link to a workflow run: its run cannot be told")
    return Event(
        kind="job_failed",
        platform="github",
        repository=_repository(payload),
        run_id=found.group(1),
        conclusion=conclusion,
        job_id=_id(check, "id", "check_run"),
        sender=_sender(payload),
        hints=_hints(head_sha=check.get("head_sha")) | _requests(check),
    )


def _issue_comment(payload: Payload) -> Event | Ignored:
    if payload.get("action") != "created":
        return Ignored("issue_comment: only new comments matter, an edited one is no command")
    comment = payload.get("comment")
    body = text(comment, "body") or ""
    commands = parse_commands(body)
    if not commands:
        ours = MARKER in body
        return Ignored(f"issue_comment without a /guard command{': it is our own' if ours else ''}")
    if text(comment, "user", "type") == "Bot" or text(payload, "sender", "type") == "Bot":
        return Ignored("issue_comment by a bot: only people give commands")
    issue = _part(payload, "issue")
    if not isinstance(issue.get("pull_request"), dict):
        return Ignored("issue_comment on an issue: commands are for pull requests")
    if issue.get("state") == "closed":
        return Ignored("issue_comment on a closed pull request: there is nothing left to do")
    number = int(_id(issue, "number", "issue"))
    author = text(comment, "user", "login")
    if author is None:
        raise MalformedDelivery("`comment.user.login` is missing")
    return command_event(
        "github",
        _repository(payload),
        number,
        _id(_part(payload, "comment"), "id", "comment"),
        author,
        commands,
    )


def _ping(_payload: Payload) -> Ignored:
    return Ignored("ping: the webhook is connected")


def _installation(payload: Payload) -> Ignored:
    return Ignored(f"installation {_word(payload.get('action'))}: noted, nothing to heal")


def _installation_repositories(payload: Payload) -> Ignored:
    action = _word(payload.get("action"))
    return Ignored(f"installation_repositories {action}: noted, nothing to heal")


_READERS: Final[dict[str, Callable[[Payload], Event | Ignored]]] = {
    "check_run": _check_run,
    "installation": _installation,
    "installation_repositories": _installation_repositories,
    "issue_comment": _issue_comment,
    "ping": _ping,
    "workflow_job": _workflow_job,
    "workflow_run": _workflow_run,
}


def _word(value: object) -> str:
    """A payload's value as it may appear in a reason: short text, never a structure."""
    return value[:60] if isinstance(value, str) and value else "without an action"


def _part(payload: Payload, key: str) -> Payload:
    part = payload.get(key)
    if not isinstance(part, dict):
        raise MalformedDelivery(f"`{key}` is missing or not an object")
    return part


def _repository(payload: Payload) -> str:
    """The full name; held to GitHub's alphabet, because it becomes part of request paths."""
    name = _part(payload, "repository").get("full_name")
    if not isinstance(name, str) or not _REPOSITORY.fullmatch(name) or "/.." in f"/{name}":
        raise MalformedDelivery("`repository.full_name` is missing or not owner/name")
    return name


def _id(part: Payload, key: str, where: str) -> str:
    value = part.get(key)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise MalformedDelivery(f"`{where}.{key}` is missing or not a number")
    number = str(value)
    if not _NUMBER.fullmatch(number):
        raise MalformedDelivery(f"`{where}.{key}` is missing or not a number")
    return number


def _attempt(part: Payload) -> int | None:
    value = part.get("run_attempt")
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _sender(payload: Payload) -> str | None:
    sender = payload.get("sender")
    login = sender.get("login") if isinstance(sender, dict) else None
    return login if isinstance(login, str) and login else None


def _hints(**values: object) -> dict[str, Any]:
    return {key: value for key, value in values.items() if isinstance(value, str)}


def _requests(part: Payload) -> dict[str, list[int]]:
    """The pull requests that the delivery names; of several with one head, these come first."""
    named = part.get("pull_requests")
    numbers = [dig(item, "number") for item in named] if isinstance(named, list) else []
    kept = [number for number in numbers if type(number) is int]
    return {"requests": kept[:_MOST_REQUESTS]} if kept else {}
