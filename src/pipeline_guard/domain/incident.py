"""An incident as a decision sees it: one failure hitting many runs, whose re-runs wait."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pipeline_guard.domain.diagnosis import Category, Diagnosis

SHARED: Final[frozenset[Category]] = frozenset(
    {
        "network_transient",
        "container_registry",
        "rate_limit",
        "infra_runner",
        "timeout",
        "disk_full",
        "out_of_memory",
        "vcs_checkout",
        "auth_permission",
        "resource_not_found",
        "dependency_resolution",
        "deploy_failure",
    }
)
"""Causes that lie outside of a change, so that many runs can have them from one trouble. Six
requests that each break a test of their own are no incident."""


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """The open incident of a failure's fingerprint; `probe` lets this failure's re-run through."""

    id: int
    opened_at: datetime
    failures: int
    repositories: int
    probe: bool = False
    fresh: bool = False
    """This very failure made it one."""


def concerns(diagnosis: Diagnosis) -> bool:
    """Can such a failure be part of an incident at all?"""
    if not diagnosis.fingerprint:
        return False
    return diagnosis.category in SHARED or (
        diagnosis.transient and diagnosis.category not in ("unknown", "none", "cancelled")
    )
