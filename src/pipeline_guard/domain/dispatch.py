"""A new run of the same workflow at the same commit, with another runner as its input."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, runtime_checkable

from pipeline_guard.domain.runs import Run
from pipeline_guard.redaction.names import masked

OTHER_RUNNER: Final = "other_runner"
"""The scope of a re-run that is a new run with another runner."""


@dataclass(frozen=True, slots=True)
class OtherRunner:
    """What was read about giving a failed run's workflow another runner, before it is decided."""

    input: str
    label: str
    minutes: float = 0.0
    """What all jobs of the run took, hence what a new run takes; 0 when untold."""
    against: str | None = None
    """Why it must not be, in a sentence; None when it may."""

    def __post_init__(self) -> None:
        if self.against is not None:  # it may quote the workflow's file
            object.__setattr__(self, "against", masked(self.against))


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A run that we dispatched: its id, its page, and its commit where that is told already."""

    run_id: str
    url: str | None = None
    commit: str | None = None


@runtime_checkable
class DispatchesRuns(Protocol):
    """A platform with the capability `rerun_other_runner`."""

    async def against_other_runner(
        self, run: Run, name: str, label: str, is_protected: Callable[[str], bool]
    ) -> str | None:
        """Why the run's workflow must not be run anew with the input `name` as `label`.

        A sentence, None when it may. `is_protected` tells of the name of a job, a step or a
        workflow whether it is never to be run again. Raises only PlatformError.
        """

    async def find_dispatched(self, run: Run, since: datetime) -> Dispatched | None:
        """The run that we dispatched in its stead since then; None when none shows."""

    async def dispatch(self, run: Run, inputs: Mapping[str, str], since: datetime) -> Dispatched:
        """Run its workflow anew on its branch, once; `since` is when that was first wanted.

        Raises PlatformUnavailable while it is not told whether it worked: look again.
        """
