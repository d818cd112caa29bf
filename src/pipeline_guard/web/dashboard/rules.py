"""Rules: those in force with how often they hit and how right they were, and trying a log."""

import asyncio
import io
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.trust import RuleTrust
from pipeline_guard.errors import LogError
from pipeline_guard.policy.layers import Target
from pipeline_guard.rules.ranking import transient
from pipeline_guard.rules.schema import Rule
from pipeline_guard.stages.gather.gather import REMEMBERED
from pipeline_guard.store import job_logs, rule_hits, trust
from pipeline_guard.store.rule_hits import Hits
from pipeline_guard.web import forms
from pipeline_guard.web.access import require
from pipeline_guard.web.api.parameters import Filter
from pipeline_guard.web.dashboard.desk import Desk

NO_HITS: Final = Hits(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Row:
    """One rule as the page lists it."""

    rule: Rule
    heals: bool
    where: str
    hits: Hits
    trust: RuleTrust | None
    demoted: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """What the judge makes of a log that somebody wants to know about."""

    found: Diagnosis | None
    milliseconds: float
    problem: str = ""


def router(desk: Desk) -> APIRouter:
    """The list and the tester."""
    routes = APIRouter(prefix="/rules")

    @routes.get("", response_class=HTMLResponse)
    async def rules(request: Request, q: Filter = None) -> HTMLResponse:
        in_force = await asyncio.to_thread(desk.judge.rules)
        limits = (await desk.context.policies.in_force(Target(""))).policy.rules
        now = datetime.now(UTC)
        async with desk.database.transaction() as session:
            hits = await rule_hits.counts(session, now)
            known = await trust.of_all(session, now - REMEMBERED)
        rows = [
            Row(
                rule,
                transient(rule),
                in_force.origins[rule.id],
                hits.get(rule.id, NO_HITS),
                known.get(rule.id),
                rule.id in known and known[rule.id].demoted(limits.floor, limits.outcomes),
            )
            for rule in in_force.rules
            if _wanted(rule, q)
        ]
        rows.sort(key=lambda row: (-row.hits.month, row.rule.id))
        return desk.pages.show(
            request, "rules.html", section="/rules", rows=rows, q=q or "", all=len(in_force.rules)
        )

    @routes.post("/try", response_class=HTMLResponse, dependencies=[require("act")])
    async def try_log(
        request: Request, fields: Annotated[dict[str, str], Depends(forms.fields)]
    ) -> HTMLResponse:
        text, number = fields.get("log", ""), fields.get("failure", "").strip()
        if number:
            async with desk.database.transaction() as session:
                text = await _stored(session, number)
        tried = await asyncio.to_thread(_try, desk, text) if text.strip() else _NOTHING
        return desk.pages.show(request, "tried.html", section="/rules", tried=tried)

    return routes


_NOTHING: Final = Tried(None, 0.0, "There is no log: paste one, or give a failure that keeps one.")


def _wanted(rule: Rule, q: str | None) -> bool:
    low = (q or "").casefold()
    return (
        not low or low in rule.id or low in rule.category.replace("_", " ") or low in rule.category
    )


async def _stored(session: AsyncSession, number: str) -> str:
    """The kept log of a failure; empty when there is none."""
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return ""
    kept = await job_logs.get(session, int(number))
    parts = dict.fromkeys(item["part"] for item in kept.outline) if kept else {}
    return "\n".join(
        [text for part in parts async for _, text in job_logs.pieces(session, int(number), part)]
    )


def _try(desk: Desk, text: str) -> Tried:
    started = time.perf_counter()
    try:
        found = desk.judge.judge(io.BytesIO(text.encode("utf-8", "replace")))
    except LogError as error:
        return Tried(None, 0.0, str(error))
    return Tried(found, (time.perf_counter() - started) * 1000)
