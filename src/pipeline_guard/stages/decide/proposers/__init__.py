"""The proposers there are: what besides a re-run may be done about a failure, in that order."""

from typing import Final

from pipeline_guard.stages.decide.proposers import issue, label, patch, quarantine
from pipeline_guard.stages.decide.proposers.base import Proposer

PROPOSERS: Final[tuple[Proposer, ...]] = (
    patch.propose,
    quarantine.propose,
    issue.propose,
    label.propose,
)
