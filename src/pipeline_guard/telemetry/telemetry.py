"""What a process hands around to be told about: its metrics and its traces."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline_guard.telemetry.allowance import Allowances
from pipeline_guard.telemetry.calls import Calls
from pipeline_guard.telemetry.metrics import Metrics
from pipeline_guard.telemetry.tracing import Span, Tracing, Value


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One per process; made anew it counts for itself and traces nothing."""

    metrics: Metrics = field(default_factory=Metrics)
    tracing: Tracing = field(default_factory=Tracing)
    allowances: Allowances = field(default_factory=Allowances)

    def calls(self, platform: str) -> Calls:
        """The watch over the calls to one platform."""
        return Calls(platform, self.metrics, self.tracing, self.allowances)

    def close(self) -> None:
        """Send what is not sent yet."""
        self.tracing.close()

    @contextlib.contextmanager
    def stage(self, name: str, **attributes: Value) -> Iterator[Span]:
        """A span and a duration for one stage of the line; `name` is one of a few."""
        started = time.perf_counter()
        try:
            with self.tracing.span(name, attributes) as span:
                yield span
        finally:
            self.metrics.stage_seconds.labels(name).observe(time.perf_counter() - started)
