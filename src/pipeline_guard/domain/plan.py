"""A plan: what to do about a run's failures, in order, and what the guards refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Mode = Literal["observe", "suggest", "act"]
StepKind = Literal["rerun", "patch", "issue", "label", "quarantine", "cancel"]
FailureStatus = Literal[
    "open", "healing", "healed", "escalated", "observed", "ignored", "superseded"
]
Outcome = Literal["healed", "failed_again", "superseded"]
ProposalOutcome = Literal["merged", "closed", "not_planned", "gone"]
"""What people did with a request or an issue of ours; `closed` is a request that was not merged."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A guard said no to a step of that kind; `reason` is a sentence for people."""

    guard: str
    reason: str
    step: StepKind = "rerun"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: its kind, its parameters, and why, in a sentence.

    `once` names what it does: two steps of a kind with the same name in a repository are one
    action, whichever failures they were planned for. Without it, a step is one of its run attempt.
    """

    kind: StepKind
    params: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    once: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered steps for one failure and the refusals that kept others from it.

    A step that its own kind's refusals stand beside is not done: it says what would have been.
    `status` follows the re-run alone; no other step heals a failure.
    """

    steps: tuple[Step, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    status: FailureStatus = "open"
    summary: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the decision rested on, JSON-ready (stages/decide/facts.py reads it back)."""
    policy: dict[str, Any] = field(default_factory=dict)
    """The values it was held against: `values`, their `origins`, and `notes`."""
    notes: tuple[str, ...] = ()
    """What it might have been besides, in sentences, told only to who asks."""

    @property
    def live(self) -> tuple[Step, ...]:
        """The steps that are to be done."""
        refused = {item.step for item in self.refusals}
        return tuple(step for step in self.steps if step.kind not in refused)


def stored_plan(kept: Mapping[str, Any]) -> Plan:
    """The plan that was stored as JSON, also by a version with fewer or more fields."""
    return Plan(
        tuple(Step(**_known(Step, item)) for item in kept["steps"]),
        tuple(Refusal(**_known(Refusal, item)) for item in kept["refusals"]),
        kept["status"],
        kept["summary"],
        kept.get("facts") or {},
        kept.get("policy") or {},
        tuple(kept.get("notes") or ()),
    )


def _known(shape: type[Step] | type[Refusal], item: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: item[field.name] for field in fields(shape) if field.name in item}
