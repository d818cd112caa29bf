"""What a webhook tells us happened, free of any platform's field names."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline_guard.redaction.names import masked

EventKind = Literal["run_finished", "job_failed", "comment_command"]


@dataclass(frozen=True, slots=True)
class InlineLog:
    """A log carried inside the delivery itself; raw, so it must be redacted before storage."""

    job_id: str
    name: str
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", masked(self.name))


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened on a platform; a hint about what to re-read, never the authority.

    `repository` is the platform's full name of it ("owner/name"); `run_id` is the platform's own
    id of the pipeline execution, kept as text. `attempt` and `conclusion` are None when the
    delivery does not say. `hints` holds small extra facts only the same platform's adapter reads,
    but for those that the stages read: `branch`, `head_sha`, `logs`, and `attempt_at_least` of
    what is known to be no first attempt.
    """

    kind: EventKind
    platform: str
    repository: str
    run_id: str
    attempt: int | None = None
    conclusion: str | None = None
    job_id: str | None = None
    sender: str | None = None
    hints: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if branch := self.hints.get("branch"):  # as it is of a run, or the two would not compare
            object.__setattr__(self, "hints", self.hints | {"branch": masked(branch)})


def known_run(platform: str, repository: str, run_id: str, request: int | None = None) -> Event:
    """What a run is read anew by: of several requests that share its head, for this one."""
    hints = {} if request is None else {"requests": [request]}
    return Event("run_finished", platform, repository, run_id, hints=hints)


@dataclass(frozen=True, slots=True)
class Ignored:
    """A verified delivery that needs no work; `reason` is one sentence for the sender."""

    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", masked(self.reason))


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a platform makes of a verified delivery.

    `delivery_id` is the platform's id, unique per platform (a digest of the body where it sends
    none). `body` is what may be stored: the raw bytes, or, when logs were carried inline, the
    payload without them. `logs` are those logs.
    """

    delivery_id: str
    event_name: str
    outcome: Event | Ignored
    body: bytes
    logs: tuple[InlineLog, ...] = ()
