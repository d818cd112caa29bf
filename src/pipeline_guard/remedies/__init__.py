"""The remedies there are: a literal map from a step's kind to the module that carries it out."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pipeline_guard.domain.plan import StepKind
from pipeline_guard.remedies import cancel, issue, label, patch, quarantine, rerun
from pipeline_guard.remedies.base import Remedy

REMEDIES: Final[dict[StepKind, Remedy]] = {
    "rerun": rerun.REMEDY,
    "patch": patch.REMEDY,
    "quarantine": quarantine.REMEDY,
    "issue": issue.REMEDY,
    "label": label.REMEDY,
    "cancel": cancel.REMEDY,
}


class Words(NamedTuple):
    """A step for people: what it does, the worst that may come of it, how it is taken back."""

    does: str
    risk: str
    undo: str


def in_words(kind: str, params: Mapping[str, Any]) -> Words | None:
    """A stored step in words; None for one of a version with other remedies or parameters."""
    remedy = next((item for item in REMEDIES.values() if item.kind == kind), None)
    try:
        return Words(remedy.describe(params), remedy.risk, remedy.undo) if remedy else None
    except (KeyError, ValueError):
        return None
