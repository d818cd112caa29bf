"""Shelf: the logs of a run's failed jobs on their way from the platform into the store."""

import asyncio
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.kept import KeptLog
from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.errors import LogError
from pipeline_guard.logs.keep import MOST_BYTES, keep_log
from pipeline_guard.store import job_logs

MOST_OF_RUN: Final = 40 * 2**20
"""Compressed bytes that are held at once: with many red jobs, each log gets less."""

log = structlog.get_logger(__name__)


class Shelf:
    """Keeps the readable logs of one run's jobs until their failures are stored."""

    def __init__(self, run: Run, jobs: int) -> None:
        self._run = run
        self._most = min(MOST_BYTES, MOST_OF_RUN // max(jobs, 1))
        self._kept: dict[str, KeptLog] = {}

    async def keep(self, job: Job, source: Path) -> None:
        """Make a job's log readable; without it the failure is still worth its diagnosis."""
        try:
            kept = await asyncio.to_thread(keep_log, source, self._most)
        except LogError:
            return  # the diagnosis says why it could not be read
        except Exception:
            log.exception("log_not_kept", repository=self._run.repository, job=job.name)
            return
        if kept.lines:
            self._kept[job.id] = kept

    async def store(self, session: AsyncSession, failure_id: int | None, job: Job) -> None:
        """Store the job's log beside its failure; None for one that was stored before."""
        kept = self._kept.pop(job.id, None)
        if kept is not None and failure_id is not None:
            await job_logs.add(session, failure_id, kept)
