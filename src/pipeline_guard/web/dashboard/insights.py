"""Insights: what healing brings and costs, which tests are flaky, and the week in short."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BeforeValidator

from pipeline_guard.stages.gather.gather import REMEMBERED
from pipeline_guard.store import insights as store
from pipeline_guard.store import trust
from pipeline_guard.web.dashboard import charts
from pipeline_guard.web.dashboard.charts import Series
from pipeline_guard.web.dashboard.desk import Desk
from pipeline_guard.web.tabular import csv_file

if TYPE_CHECKING:
    from pipeline_guard.analytics.digest import Digest
    from pipeline_guard.analytics.flaky import Flaky
    from pipeline_guard.analytics.healing import Day, Group, Totals
    from pipeline_guard.analytics.money import Money

Days = Annotated[Literal[7, 30, 90], BeforeValidator(int), Query()]
By = Literal["category", "repository", "rule", "platform"]
BYS: Final = ("category", "repository", "rule", "platform")
DIGEST_DAYS: Final = 35
"""How far back the digest looks, to tell what the last week brought that is new."""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the page shows."""

    totals: "Totals"
    days: "list[Day]"
    groups: "list[Group]"
    flaky: "list[Flaky]"
    digest: "Digest"
    money: "list[Money]"
    money_in_all: "Money | None"
    cut: bool
    """There were more failures than are looked at."""


def find(rows: Sequence[Any], now: datetime, days: int, by: By) -> Findings:
    """Work it out; takes a thread, for pandas does not yield."""
    # Imported here: pandas costs a start half a second and 40 MB, and not everybody looks.
    from pipeline_guard.analytics.digest import digest  # noqa: PLC0415
    from pipeline_guard.analytics.flaky import flaky  # noqa: PLC0415
    from pipeline_guard.analytics.frame import frame  # noqa: PLC0415
    from pipeline_guard.analytics.healing import groups, per_day, totals  # noqa: PLC0415
    from pipeline_guard.analytics.money import money, money_in_all  # noqa: PLC0415

    table = frame(rows)
    chosen = table[table["created_at"] >= now - timedelta(days=days)]
    return Findings(
        totals(chosen),
        per_day(chosen, now, days),
        groups(chosen, by),
        flaky(chosen, now),
        digest(table, now),
        money(chosen, by),
        money_in_all(chosen),
        cut=len(rows) >= store.MOST,
    )


def router(desk: Desk) -> APIRouter:
    """The page, and each of its tables as a file."""
    routes = APIRouter(prefix="/insights")

    async def found(days: int, by: By = "category") -> Findings:
        now = datetime.now(UTC)
        since = now - timedelta(days=max(days, DIGEST_DAYS))
        async with desk.database.transaction() as session:
            rows = await store.rows(session, since)
        return await asyncio.to_thread(find, rows, now, days, by)

    @routes.get("", response_class=HTMLResponse)
    async def insights(request: Request, days: Days = 30, by: By = "category") -> HTMLResponse:
        findings = await found(days, by)
        async with desk.database.transaction() as session:
            rules = await trust.of_all(session, datetime.now(UTC) - REMEMBERED)
        limits = (await desk.context.policies.operator()).rules
        return desk.pages.show(
            request,
            "insights.html",
            section="/insights",
            found=findings,
            days=days,
            most=store.MOST,
            by=by,
            bys=BYS,
            rules=sorted(rules.values(), key=lambda item: item.precision),
            limits=limits,
            outcomes_chart=_outcomes(findings.days),
            minutes_chart=_minutes(findings.days),
            money_chart=_money(findings.days) if findings.money_in_all else None,
            bar=charts.bar,
            trend=charts.trend,
        )

    _add_files(routes, found)
    return routes


def _add_files(routes: APIRouter, found: Callable[..., Awaitable[Findings]]) -> None:
    """Each table as a file; `found` works out what the page shows."""

    @routes.get("/daily.csv")
    async def daily(days: Days = 30) -> Response:
        columns = ["day", "healed", "needs_a_person", "other", "minutes_healed", "minutes_in_vain"]
        findings = await found(days)
        rows: list[tuple[object, ...]] = [
            (d.day, d.healed, d.person, d.other, d.minutes_healed, d.minutes_wasted)
            for d in findings.days
        ]
        if findings.money_in_all is not None:
            columns += ["money_healed", "money_in_vain"]
            money = [(d.money_healed, d.money_wasted) for d in findings.days]
            rows = [(*row, *more) for row, more in zip(rows, money, strict=True)]
        return csv_file("daily", columns, rows)

    @routes.get("/healing.csv")
    async def healing(days: Days = 30, by: By = "category") -> Response:
        columns = (by, "failures", "healed", "failed_again", "heal_rate", "minutes_to_green")
        rows = [
            (g.name, g.failures, g.healed, g.in_vain, g.rate, g.to_green)
            for g in (await found(days, by)).groups
        ]
        return csv_file(f"healing-by-{by}", columns, rows)

    @routes.get("/money.csv")
    async def money(days: Days = 30, by: By = "category") -> Response:
        columns = (by, "reruns", "spent", "in_vain", "not_spent", "saved")
        rows = [
            (m.name, m.reruns, m.spent, m.wasted, m.not_spent, m.saved)
            for m in (await found(days, by)).money
        ]
        return csv_file(f"money-by-{by}", columns, rows)

    @routes.get("/flaky.csv")
    async def flaky(days: Days = 30) -> Response:
        columns = ("test", "repository", "flaked", "failed", "minutes", "last")
        rows = [
            (f.test, f.repository, f.flaked, f.failed, f.minutes, f.last)
            for f in (await found(days)).flaky
        ]
        return csv_file("flaky-tests", columns, rows)


def _outcomes(days: "Sequence[Day]") -> Any:
    return charts.columns(
        "outcomes",
        [item.day for item in days],
        [
            Series("healed", "good", [item.healed for item in days]),
            Series("other", "mark", [item.other for item in days]),
            Series("need a person", "bad", [item.person for item in days]),
        ],
        "Failures",
    )


def _minutes(days: "Sequence[Day]") -> Any:
    healed = [day.minutes_healed for day in days]
    wasted = [day.minutes_wasted for day in days]
    return _of_reruns("minutes", days, healed, wasted, "CI minutes of re-runs")


def _money(days: "Sequence[Day]") -> Any:
    healed = [day.money_healed for day in days]
    wasted = [day.money_wasted for day in days]
    return _of_reruns("spent", days, healed, wasted, "Money on re-runs")


def _of_reruns(
    name: str, days: "Sequence[Day]", healed: list[float], wasted: list[float], unit: str
) -> Any:
    """What re-runs took, by whether they healed."""
    series = [Series("that healed", "good", healed), Series("in vain", "busy", wasted)]
    return charts.columns(name, [item.day for item in days], series, unit, whole=False)
