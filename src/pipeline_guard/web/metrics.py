"""GET /metrics: what this process counted, and what the shared history holds, for Prometheus."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.errors import StoreUnavailable
from pipeline_guard.stages.gather.gather import REMEMBERED
from pipeline_guard.store import (
    actions,
    deliveries,
    failures,
    figures,
    incidents,
    retention,
    sweeps,
    trust,
)
from pipeline_guard.store.session import Database
from pipeline_guard.telemetry.metrics import PREFIX, Described, Metrics

Values = Mapping[tuple[str, ...], float]


def _shared(name: str, text: str, *labels: str) -> Described:
    return Described(f"{PREFIX}{name}", "gauge", labels, text)


HISTORY: Final = (
    _shared("deliveries", "Stored deliveries.", "platform", "status"),
    _shared("failures", "Diagnosed failures.", "platform", "category", "source", "status"),
    _shared("actions", "Actions tried.", "platform", "kind", "status", "outcome"),
    _shared(
        "rerun_success_ratio",
        "Of the re-runs that ended in the last 7 days, the share that healed.",
        "platform",
    ),
    _shared(
        "recovered",
        "Missed webhooks made good: runs found, deliveries asked for, deliveries resumed.",
        "platform",
        "kind",
    ),
    _shared("incidents", "Incidents: open, probing or closed.", "platform", "status"),
    _shared(
        "rule_precision",
        "Of a rule's newest re-runs, the share that proved it right (posterior mean).",
        "rule",
    ),
    _shared("pruned_rows", "Rows deleted by age so far.", "table"),
    _shared("queue_jobs", "Jobs that are due (todo) or running (doing).", "state"),
    _shared("queue_age_seconds", "How long the oldest such job has waited.", "state"),
)
"""What every replica reports alike, because it is read from the database."""


class _Once(Collector):
    """Hands out families that were read from the database a moment ago."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _family(described: Described, values: Values) -> Metric:
    family = GaugeMetricFamily(described.name, described.text, labels=described.labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


async def history(database: Database) -> list[Metric]:
    """The gauges of HISTORY as they are now; raises StoreUnavailable."""
    async with database.transaction() as session:
        values = await _read(session)
    return [_family(item, values[item.name.removeprefix(PREFIX)]) for item in HISTORY]


async def _read(session: AsyncSession) -> dict[str, Any]:
    depth = {"todo": (0, 0.0), "doing": (0, 0.0)} | await figures.queue_depth(session)
    return {
        "deliveries": await deliveries.count_by_status(session),
        "failures": await failures.count_by(session),
        "actions": await actions.count_by(session),
        "rerun_success_ratio": await figures.rerun_success(session),
        "recovered": await sweeps.count_found(session),
        "incidents": await incidents.count_by(session),
        "rule_precision": {
            (rule,): item.precision
            for rule, item in (await trust.of_all(session, datetime.now(UTC) - REMEMBERED)).items()
        },
        "pruned_rows": await retention.count_deleted(session),
        "queue_jobs": {(state,): count for state, (count, _) in depth.items()},
        "queue_age_seconds": {(state,): age for state, (_, age) in depth.items()},
    }


def router(database: Database, metrics: Metrics) -> APIRouter:
    """The route; with the database away it still tells what this process counted."""
    routes = APIRouter(tags=["health"])

    @routes.get("/metrics", response_class=Response)
    async def scrape() -> Response:
        """Metrics in Prometheus' text format."""
        body = generate_latest(metrics.registry)
        try:
            shared = CollectorRegistry()
            shared.register(_Once(await history(database)))
            body += generate_latest(shared)
        except StoreUnavailable:
            body += b"# The database is away: history is missing from this scrape.\n"
        return Response(body, media_type=CONTENT_TYPE_LATEST)

    return routes
