"""The remedies there are: a literal map from a step's kind to the module that carries it out."""

from typing import Final

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
