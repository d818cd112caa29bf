"""Tells which jobs deploy: those whose workflow, at the run's commit, gives them an environment.

No API tells it before a job has run, so the workflow's file is read, and those of this repository
that it calls; what it calls from other repositories is not followed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import re2

from pipeline_guard.domain.runs import Run
from pipeline_guard.platforms.github.files import workflow_of
from pipeline_guard.yamlfile import read_yaml

FOLDER: Final = ".github/workflows/"
LARGEST: Final = 512 * 1024
"""Bytes; GitHub takes no larger workflow."""
MOST_FILES: Final = 20
_EXPRESSION: Final = re2.compile(r"\$\{\{.*?\}\}")
_MATRIX: Final = r"(?: \(.*\))?"
"""What GitHub adds to a job's name for each value of its matrix."""

Read = Callable[[str], Awaitable[bytes | None]]


@dataclass(frozen=True, slots=True)
class _Written:
    """A job as a workflow writes it: a pattern of the names it may run under."""

    pattern: str
    literal: int
    """Letters of the pattern that stand for themselves: the more, the surer the match."""
    environment: str | None
    calls: str | None


async def environments(run: Run, read: Read) -> dict[str, str]:
    """By name of the run's jobs, what they deploy to; `read` gives a file at the run's commit."""
    path = workflow_of(run)
    if not path.startswith(FOLDER):
        return {}
    written = await _written(path, read)
    names = {job.original_name for job in run.jobs}
    return await asyncio.to_thread(_matched, written, names)


async def _written(path: str, read: Read) -> list[_Written]:
    """The jobs of a workflow and of those it calls, whose names stand behind the caller's."""
    found: list[_Written] = []
    waiting = [("", 0, path)]
    for _ in range(MOST_FILES):
        if not waiting:
            break
        before, literal, path = waiting.pop(0)
        raw = await read(path)
        for job in await asyncio.to_thread(_jobs, raw):
            pattern, sure = before + job.pattern, literal + job.literal
            if job.calls:
                waiting.append((f"{pattern} / ", sure + 3, job.calls))
            else:
                found.append(_Written(pattern, sure, job.environment, None))
    return found


def _jobs(raw: bytes | None) -> list[_Written]:
    if raw is None or len(raw) > LARGEST:
        return []
    document = read_yaml(raw.decode("utf-8", "replace")).value
    jobs = document.get("jobs") if isinstance(document, dict) else None
    if not isinstance(jobs, dict):
        return []
    return [_job(key, job) for key, job in jobs.items() if isinstance(job, dict)]


def _job(key: str, job: Mapping[str, Any]) -> _Written:
    literals = _EXPRESSION.split(str(job.get("name") or key))
    pattern = ".*".join(re2.escape(part) for part in literals) + _MATRIX
    return _Written(pattern, sum(map(len, literals)), _environment(job), _called(job))


def _environment(job: Mapping[str, Any]) -> str | None:
    told = job.get("environment")
    told = told.get("name") if isinstance(told, dict) else told
    return str(told) if told else None


def _called(job: Mapping[str, Any]) -> str | None:
    """The workflow of this repository that the job stands for."""
    uses = str(job.get("uses") or "").removeprefix("./")
    return uses if uses.startswith(FOLDER) else None


def _matched(written: list[_Written], names: set[str]) -> dict[str, str]:
    found = {}
    for name in names:
        fits = [job for job in written if re2.fullmatch(job.pattern, name)]
        # Of two that fit as well the careful one: a job more is protected, not one fewer.
        best = max(fits, key=lambda job: (job.literal, job.environment is not None), default=None)
        if best is not None and best.environment:
            found[name] = best.environment
    return found
