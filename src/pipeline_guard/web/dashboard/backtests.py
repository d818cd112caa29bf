"""A backtest from the page: what rules would have said of stored failures, and been done."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse

from pipeline_guard.classifier.predict import Model
from pipeline_guard.errors import ConfigError
from pipeline_guard.rules.load import load_rules
from pipeline_guard.stages.assemble import rule_folders
from pipeline_guard.stages.diagnose.judge import Judge
from pipeline_guard.stages.trials.backtest import Compared, Score, backtest
from pipeline_guard.web import forms
from pipeline_guard.web.access import require
from pipeline_guard.web.dashboard.desk import Desk

LONGEST_SECONDS: Final = 40.0
"""A page does not wait longer; `pipeline-guard rules backtest` takes what time it needs."""
SHOWN: Final = 50
"""Differences that are listed."""
FILE: Final = "tried.yaml"


@dataclass
class Result:
    """What was compared until the end, or until the time was up."""

    days: int
    tried: bool
    """With rules that were pasted, held against those in force; else these against the past."""
    before: Score = field(default_factory=Score)
    after: Score = field(default_factory=Score)
    failures: int = 0
    differences: list[Compared] = field(default_factory=list)
    cut: bool = False
    problem: str = ""

    def add(self, items: list[Compared]) -> None:
        """Count the failures of one more run attempt."""
        for item in items:
            self.failures += 1
            self.before.add(item.before, item.passed, item.label)
            self.after.add(item.after, item.passed, item.label)
            if item.differs:
                self.differences.append(item)


def router(desk: Desk) -> APIRouter:
    """The route; one backtest at a time."""
    routes = APIRouter(prefix="/rules")
    alone = asyncio.Lock()

    @routes.post("/backtest", dependencies=[require("act")])
    async def run(
        request: Request, fields: Annotated[dict[str, str], Depends(forms.fields)]
    ) -> StreamingResponse:
        days = {"7": 7, "90": 90}.get(fields.get("days", ""), 30)
        text = fields.get("rules", "").strip()

        async def answer() -> AsyncIterator[bytes]:
            # Streamed, so that the answer begins before the work: it may take a while.
            if alone.locked():
                result = Result(days, bool(text), problem="Another backtest is running; try later.")
            else:
                async with alone:
                    result = await _compared(desk, days, text)
            page = desk.pages.show(request, "backtest.html", result=result, shown=SHOWN)
            yield bytes(page.body)

        return StreamingResponse(answer(), media_type="text/html; charset=utf-8")

    return routes


async def _compared(desk: Desk, days: int, text: str) -> Result:
    result = Result(days, bool(text))
    try:
        before, after = await asyncio.to_thread(_judges, desk, text)
    except ConfigError as error:
        result.problem = str(error)
        return result
    started = time.monotonic()
    since = datetime.now(UTC) - timedelta(days=days)
    async for items in backtest(desk.database, before, after, since):
        result.add(items)
        if time.monotonic() - started > LONGEST_SECONDS:
            result.cut = True
            break
    return result


def _judges(desk: Desk, text: str) -> tuple[Judge | None, Judge]:
    """Who judged before, and who after; None stands for what was stored at the time."""
    folders = rule_folders(desk.settings)
    in_force = Judge(load_rules(folders), Model())
    if not text:
        return None, in_force
    with tempfile.TemporaryDirectory(dir=desk.context.scratch) as folder:
        file = Path(folder, FILE)
        file.write_text(text, "utf-8")
        try:
            return in_force, Judge(load_rules((*folders, file)), Model())
        except ConfigError as error:
            # The person pasted a text: where it lay for a moment means nothing to them.
            raise ConfigError(str(error).replace(str(file), "your rules")) from error
