"""GET /metrics: what this process received, and what the shared history holds, for Prometheus."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline_guard.errors import StoreUnavailable
from pipeline_guard.store import actions, deliveries, failures, figures, retention, sweeps
from pipeline_guard.store.session import Database


def webhook_counter(registry: CollectorRegistry) -> Counter:
    """Counts deliveries by platform and result; both sets of values are fixed and small."""
    return Counter(
        "pipeline_guard_webhooks",
        "Deliveries answered by this process.",
        ("platform", "result"),
        registry=registry,
    )


class _Once(Collector):
    """Hands out families that were read from the database a moment ago."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _family(
    name: str, text: str, labels: tuple[str, ...], values: Mapping[Any, int] | Mapping[Any, float]
) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


async def history(database: Database) -> list[Metric]:
    """The gauges that every replica reports alike, because they are read from the database."""
    async with database.transaction() as session:
        received = await deliveries.count_by_status(session)
        found = await failures.count_by(session)
        done = await actions.count_by(session)
        depth = await figures.queue_depth(session)
        recovered = await sweeps.count_found(session)
        pruned = await retention.count_deleted(session)
    return [
        _family(
            "pipeline_guard_deliveries", "Stored deliveries.", ("platform", "status"), received
        ),
        _family(
            "pipeline_guard_failures",
            "Diagnosed failures.",
            ("platform", "category", "source", "status"),
            found,
        ),
        _family(
            "pipeline_guard_actions",
            "Actions tried.",
            ("platform", "kind", "status", "outcome"),
            done,
        ),
        _family(
            "pipeline_guard_recovered",
            "Missed webhooks made good: runs found, deliveries asked for, deliveries resumed.",
            ("platform", "kind"),
            recovered,
        ),
        _family("pipeline_guard_pruned_rows", "Rows deleted by age so far.", ("table",), pruned),
        _family(
            "pipeline_guard_queue_jobs",
            "Jobs that are due or running.",
            ("state",),
            {(state,): count for state, (count, _) in depth.items()},
        ),
        _family(
            "pipeline_guard_queue_age_seconds",
            "How long the oldest due or running job has waited.",
            ("state",),
            {(state,): age for state, (_, age) in depth.items()},
        ),
    ]


def router(database: Database, registry: CollectorRegistry) -> APIRouter:
    """The route; with the database away it still tells what this process counted."""
    routes = APIRouter(tags=["health"])

    @routes.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Metrics in Prometheus' text format."""
        body = generate_latest(registry)
        try:
            shared = CollectorRegistry()
            shared.register(_Once(await history(database)))
            body += generate_latest(shared)
        except StoreUnavailable:
            body += b"# The database is away: history is missing from this scrape.\n"
        return Response(body, media_type=CONTENT_TYPE_LATEST)

    return routes
