"""A plan: what to do about a run's failures, in order, and what the guards refused."""

from dataclasses import dataclass, field
from typing import Any, Literal

Mode = Literal["observe", "suggest", "act"]
StepKind = Literal["rerun"]
FailureStatus = Literal[
    "open", "healing", "healed", "escalated", "observed", "ignored", "superseded"
]
Outcome = Literal["healed", "failed_again", "superseded"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A guard said no; `guard` names it and `reason` is a sentence for people."""

    guard: str
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: its kind, its parameters, and why, in a sentence."""

    kind: StepKind
    params: dict[str, Any] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered steps for one failure and the refusals that kept others from it."""

    steps: tuple[Step, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    status: FailureStatus = "open"
    summary: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the decision rested on, JSON-ready (stages/facts.py reads it back)."""
    policy: dict[str, Any] = field(default_factory=dict)
    """The values it was held against: `values`, their `origins`, and `notes`."""
