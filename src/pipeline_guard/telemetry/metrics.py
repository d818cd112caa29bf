"""The metrics one process counts itself; every label has few values, all of our own choosing."""

from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from pipeline_guard import __version__

PREFIX: Final = "pipeline_guard_"
FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds: an answer to a webhook, where ten seconds are the sender's patience."""
SLOW: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0)
"""Seconds: stages and calls that wait for a platform."""
MOST_ERROR_CLASSES: Final = 40
"""Different errors told apart by one process; what comes later is counted as `other`."""


@dataclass(frozen=True, slots=True)
class Described:
    """One metric as it is documented; `name` is the one to ask Prometheus for."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    text: str


class Metrics:
    """The collectors of one process on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.described: list[Described] = []
        self._errors_seen: set[str] = set()
        ProcessCollector(registry=self.registry)
        self._of_the_web()
        self._of_the_line()
        self._of_the_platforms()

    def _of_the_web(self) -> None:
        self.webhooks = self._counter(
            "webhooks", "Deliveries answered by this process.", "platform", "result"
        )
        self.webhook_seconds = self._histogram(
            "webhook_seconds", "Time to answer a delivery.", "platform", buckets=FAST
        )
        self.requests = self._counter(
            "http_requests",
            "Requests to API, dashboard and health, by route and class of status.",
            "method",
            "route",
            "status",
        )
        self.request_seconds = self._histogram(
            "http_request_seconds", "Time to answer such a request.", "route", buckets=FAST
        )

    def _of_the_line(self) -> None:
        self.jobs = self._counter(
            "jobs", "Jobs of the queue: done, retried (tried again later), failed or interrupted.",
            "task", "result",
        )  # fmt: skip
        self.stage_seconds = self._histogram(
            "stage_seconds", "Time a stage of the line took.", "stage", buckets=SLOW
        )
        self.diagnoses = self._counter(
            "diagnoses", "Failures diagnosed.", "platform", "category", "source"
        )
        self.plans = self._counter(
            "plans", "Decisions by the state they gave the failure.", "platform", "status"
        )
        self.refusals = self._counter("refusals", "Guards that refused a plan.", "guard")
        self.actions = self._counter(
            "actions_tried", "Actions that came to a result.", "platform", "kind", "status"
        )
        self.outcomes = self._counter(
            "outcomes", "How actions ended, as a later webhook told.", "platform", "kind", "outcome"
        )
        self.redactions = self._counter(
            "redactions", "Secrets masked in logs before they were stored.", "platform"
        )
        self.errors = self._counter(
            "errors", "Errors by where they came up and by their class.", "where", "error"
        )
        self.model = self._gauge(
            "model_info", "1; the version is the start of the model file's SHA-256.", "version"
        )
        self.build = self._gauge("build_info", "1; the version of Pipeline Guard.", "version")
        self.build.labels(__version__).set(1)

    def _of_the_platforms(self) -> None:
        self.platform_calls = self._counter(
            "platform_calls",
            "Calls to a platform's API; the method is read, write or log, the status 2xx, 3xx,"
            " 4xx, 5xx, limited or no_answer.",
            "platform",
            "method",
            "status",
        )
        self.platform_call_seconds = self._histogram(
            "platform_call_seconds", "Time until such a call was answered.", "platform", "method",
            buckets=SLOW,
        )  # fmt: skip
        self.limit_remaining = self._gauge(
            "platform_limit_remaining", "Calls the platform still allows, as last told.", "platform"
        )
        self.limit = self._gauge(
            "platform_limit", "Calls the platform allows per window, as last told.", "platform"
        )

    def error(self, where: str, error: BaseException) -> None:
        """Count an error; classes past the most that are told apart count as `other`."""
        name = type(error).__name__
        if name not in self._errors_seen:
            if len(self._errors_seen) >= MOST_ERROR_CLASSES:
                name = "other"
            self._errors_seen.add(name)
        self.errors.labels(where, name).inc()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        self.described.append(Described(f"{PREFIX}{name}_total", "counter", labels, text))
        return Counter(f"{PREFIX}{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        self.described.append(Described(f"{PREFIX}{name}", "gauge", labels, text))
        return Gauge(f"{PREFIX}{name}", text, labels, registry=self.registry)

    def _histogram(
        self, name: str, text: str, *labels: str, buckets: tuple[float, ...]
    ) -> Histogram:
        self.described.append(Described(f"{PREFIX}{name}", "histogram", labels, text))
        return Histogram(f"{PREFIX}{name}", text, labels, registry=self.registry, buckets=buckets)
