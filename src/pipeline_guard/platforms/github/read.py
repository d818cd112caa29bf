"""Turns GitHub's JSON for runs, jobs and pull requests into domain types; tolerant of gaps."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pipeline_guard.domain.commands import Permission
from pipeline_guard.domain.runs import ChangeRequest, Conclusion, Job, Run, RunStatus

Json = dict[str, Any]

_CONCLUSIONS: Final[dict[str, Conclusion]] = {
    "success": "success",
    "failure": "failure",
    "startup_failure": "failure",
    "cancelled": "cancelled",
    "timed_out": "timed_out",
    "skipped": "skipped",
}

# https://docs.github.com/en/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs
_MOST_RERUNS: Final = 50
_RERUN_WITHIN: Final = timedelta(days=30)
_STRANGERS: Final = ("FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR", "NONE")


def conclusion_of(value: object) -> Conclusion | None:
    """GitHub's conclusion in the domain's words; None while there is none."""
    if not isinstance(value, str) or not value:
        return None
    return _CONCLUSIONS.get(value, "other")


def status_of(value: object) -> RunStatus:
    """GitHub's status in the domain's words: waiting, requested and pending are queued."""
    if value == "completed":
        return "completed"
    return "in_progress" if value == "in_progress" else "queued"


def dig(data: object, *keys: str) -> Any:
    """The value below nested keys, or None as soon as a level is missing, null or no object."""
    for key in keys:
        if not isinstance(data, dict):
            return None
        data = data.get(key)
    return data


def text(data: object, *keys: str) -> str | None:
    """The non-empty string below nested keys, or None."""
    value = dig(data, *keys)
    return value if isinstance(value, str) and value else None


def when(data: object, *keys: str) -> datetime | None:
    """The ISO 8601 time below nested keys as an aware datetime, or None."""
    value = text(data, *keys)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def content_of(data: object) -> bytes | None:
    """What a file holds; None of a folder, and of a file so large that GitHub leaves it out."""
    encoded = text(data, "content")
    if encoded is None or text(data, "encoding") != "base64":
        return b"" if dig(data, "size") == 0 else None
    try:
        return base64.b64decode(encoded)
    except ValueError:
        return None


def left_out(data: object) -> bytes | None:
    """Zeros in place of a file over 1 MB, which GitHub names without what is in it.

    It is there, and it is too large: that must not look like a file that is not there.
    """
    size = dig(data, "size")
    return bytes(min(size, 1 << 20)) if isinstance(size, int) and size > 0 else None


def attempt_of(run: Json) -> int:
    """The attempt of a run, 1 where it is missing (GitHub Enterprise before 3.5 has none)."""
    value = run.get("run_attempt")
    return value if isinstance(value, int) and value > 0 else 1


def job_from(data: Json) -> Job:
    """One job as GitHub lists it."""
    status, conclusion = data.get("status"), conclusion_of(data.get("conclusion"))
    step = _failed_step(data)
    hints: Json = {"check_run_id": _last_number(text(data, "check_run_url"))}
    if step is not None:
        hints["failed_step_number"] = step.get("number")
        hints["step_starts"] = _step_starts(data)
    return Job(
        id=str(data.get("id", "")),
        name=text(data, "name") or "unnamed job",
        conclusion=conclusion if status in ("completed", None) else None,
        url=text(data, "html_url"),
        failed_step=text(step, "name"),
        seconds=_seconds(when(data, "started_at"), when(data, "completed_at")),
        started_at=when(data, "started_at"),
        finished_at=when(data, "completed_at"),
        runner=_labels(data),
        hints={key: value for key, value in hints.items() if value is not None},
    )


def _step_starts(data: Json) -> list[tuple[int, str]]:
    """Number and beginning of every step that ran, as log_lines.StepStart has them."""
    found = [
        (item.get("number"), when(item, "started_at"))
        for item in data["steps"]
        if isinstance(item, dict) and item.get("conclusion") != "skipped"
    ]
    return [
        (number, began.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"))
        for number, began in found
        if isinstance(number, int) and began is not None
    ]


def _labels(data: Json) -> tuple[str, ...]:
    labels = data.get("labels")
    return tuple(item for item in labels if isinstance(item, str)) if labels else ()


def _failed_step(data: Json) -> Json | None:
    steps = data.get("steps")
    if not isinstance(steps, list):
        return None
    for wanted in ("failure", "timed_out", "cancelled"):  # a timed-out job cancels its step
        for step in steps:
            if isinstance(step, dict) and step.get("conclusion") == wanted:
                return step
    return None


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None or end < start:
        return None
    return (end - start).total_seconds()


def _last_number(url: str | None) -> str | None:
    last = (url or "").rstrip("/").rpartition("/")[2]
    return last if last.isdigit() else None


def permission_of(data: object) -> Permission:
    """A person's permission; anything but the four words counts as none."""
    match text(data, "permission"):
        case "admin":
            return "admin"
        case "write" | "maintain":  # older servers name their finer roles here
            return "write"
        case "read" | "triage":
            return "read"
        case _:
            return "none"


def request_from(pull: Json, repository: str) -> ChangeRequest | None:
    """A pull request as the domain knows it; None when it is not open or has no number.

    A head without a repository is a fork that was deleted.
    """
    number = pull.get("number")
    if not isinstance(number, int) or pull.get("state", "open") != "open":
        return None
    head = text(pull, "head", "repo", "full_name")
    if head is not None:
        fork = head.lower() != repository.lower()
    else:
        ids = dig(pull, "head", "repo", "id"), dig(pull, "base", "repo", "id")
        fork = ids[0] != ids[1] if all(ids) else "repo" in (pull.get("head") or {})
    return ChangeRequest(
        number=number,
        url=text(pull, "html_url"),
        head_sha=text(pull, "head", "sha"),
        from_fork=fork,
        target_branch=text(pull, "base", "ref"),
        first_time_author=_is_stranger(text(pull, "author_association")),
    )


def _is_stranger(association: str | None) -> bool | None:
    """True of an author none of whose commits were merged here yet."""
    return None if association is None else association in _STRANGERS


def run_from(data: Json, repository: str, run_id: str, *, jobs: Sequence[Job] = ()) -> Run:
    """A run as GitHub tells it, without its request and head, which need calls of their own."""
    # Where no status is told, a conclusion means that the run is over.
    status = status_of(data.get("status") or ("completed" if data.get("conclusion") else None))
    created = when(data, "created_at")
    return Run(
        platform="github",
        repository=repository,
        run_id=run_id,
        attempt=attempt_of(data),
        reruns_left=max(_MOST_RERUNS + 1 - attempt_of(data), 0),
        rerun_until=created + _RERUN_WITHIN if created else None,
        status=status,
        conclusion=conclusion_of(data.get("conclusion")) if status == "completed" else None,
        workflow=text(data, "name") or text(data, "path") or "workflow",
        branch=text(data, "head_branch"),
        commit=text(data, "head_sha"),
        trigger=text(data, "event"),
        actor=text(data, "actor", "login"),
        url=text(data, "html_url"),
        started_at=when(data, "run_started_at") or when(data, "created_at"),
        finished_at=when(data, "updated_at") if status == "completed" else None,
        jobs=tuple(jobs),
        hints={"workflow_id": data.get("workflow_id"), "workflow_path": data.get("path")},
    )
