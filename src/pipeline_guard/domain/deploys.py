"""Which jobs of a run deploy, where a platform can tell it from how the pipeline is written."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from pipeline_guard.domain.runs import Run


@runtime_checkable
class KnowsEnvironments(Protocol):
    """A platform that can tell what the jobs of a run deploy to, whatever they are called."""

    async def environments(self, run: Run) -> Mapping[str, str]:
        """By a job's original name, its environment; jobs of which none is told are left out.

        Raises PlatformError when it is worth another try later.
        """
