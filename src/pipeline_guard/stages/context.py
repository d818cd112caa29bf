"""What the stages are handed: the store, the platforms, the judge, the policies, the queue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.domain.commands import request_key
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.runs import Run
from pipeline_guard.errors import NotFound
from pipeline_guard.stages.accept import run_lock
from pipeline_guard.stages.gather.policies import Policies
from pipeline_guard.store.retention import Keep
from pipeline_guard.store.session import Database
from pipeline_guard.telemetry.telemetry import Telemetry


class Queue(Protocol):
    """Defers jobs within a transaction: no commit, no job."""

    async def defer(
        self,
        session: AsyncSession,
        task: str,
        args: Mapping[str, Any],
        *,
        lock: str | None = None,
        delay: float = 0,
        once: str | None = None,
    ) -> None:
        """Defer `task`, not before `delay` seconds from now.

        `once` names it: while a job of that name waits, another one is not added.
        """


class JudgeLog(Protocol):
    """Reads one log file and names the cause; called in a thread."""

    def judge(
        self,
        source: Path,
        *,
        platform: str | None = None,
        failed: bool | None = None,
        extra_lines: tuple[str, ...] = (),
    ) -> Diagnosis:
        """The diagnosis of the log; `failed` tells that the platform calls the job red."""


@dataclass(frozen=True, slots=True)
class Context:
    """Everything outside that a stage may touch; made once per process."""

    database: Database
    platforms: Mapping[str, Connected]
    judge: JudgeLog
    policies: Policies
    queue: Queue
    scratch: Path
    """A folder for logs while they are read."""
    keep: Keep = field(default_factory=Keep)
    telemetry: Telemetry = field(default_factory=Telemetry)
    public_url: str | None = None
    """Where people reach the dashboard, if that is known."""

    def page_of(self, failure: int) -> str | None:
        """The dashboard's page of a failure, where people can reach it."""
        return f"{self.public_url}/failures/{failure}" if self.public_url else None

    def platform(self, name: str) -> Connected:
        """The switched-on platform of that name; raises NotFound."""
        try:
            return self.platforms[name]
        except KeyError:
            raise NotFound(f"The platform '{name}' is not configured.") from None


def lock_of(run: Run) -> str:
    """The lock under which everything that concerns the run is worked on."""
    return run_lock(run.platform, run.repository, run.run_id)


def report_lock(run: Run) -> str:
    """The lock under which a request's one comment is written, whichever run it is about.

    Two runs that end together would each find no comment and write one.
    """
    if run.request is None:
        return lock_of(run)
    return run_lock(run.platform, run.repository, request_key(run.request.number))


def run_key(run: Run) -> dict[str, Any]:
    """The arguments by which a later job finds the run again."""
    return {"platform": run.platform, "repository": run.repository, "run_id": run.run_id}
