"""Watches the calls to one platform's API: how many, how they ended, what the platform allows."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from pipeline_guard.errors import PlatformError, RateLimited
from pipeline_guard.telemetry.allowance import LIMIT, REMAINING, Allowances, number
from pipeline_guard.telemetry.metrics import Metrics
from pipeline_guard.telemetry.tracing import Tracing

Method = Literal["read", "write", "log"]
_READS: Final = ("GET", "HEAD", "OPTIONS")


@dataclass(slots=True)
class Call:
    """One call under way; say `answered` as soon as there is an answer."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """Note the answer; `headers` are looked up by lower-case names."""
        self.status = status
        self.headers = headers


class Calls:
    """The watch over one platform's calls."""

    def __init__(
        self,
        platform: str,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
        allowances: Allowances | None = None,
    ) -> None:
        self._allowances = allowances or Allowances()
        self._platform = platform
        self._metrics = metrics or Metrics()
        self._tracing = tracing or Tracing()

    @contextlib.contextmanager
    def call(self, verb: str, path: str, *, log: bool = False) -> Iterator[Call]:
        """Watch one call; an error that leaves the block tells its status itself.

        `path` goes into the trace only, where ids are welcome; a query is cut off.
        """
        method: Method = "log" if log else "read" if verb.upper() in _READS else "write"
        call, started = Call(), time.perf_counter()
        limited = False
        with self._tracing.span(
            f"{self._platform} {method}",
            {"http.request.method": verb.upper(), "url.path": path.partition("?")[0]},
            kind="client",
        ) as span:
            try:
                yield call
            except PlatformError as error:
                call.status = call.status or error.status
                limited = isinstance(error, RateLimited)
                raise
            finally:
                status = "limited" if limited else _status_class(call.status)
                span.set("http.response.status_code", call.status)
                self._count(method, status, call, time.perf_counter() - started)

    def _count(self, method: Method, status: str, call: Call, seconds: float) -> None:
        metrics = self._metrics
        metrics.platform_calls.labels(self._platform, method, status).inc()
        metrics.platform_call_seconds.labels(self._platform, method).observe(seconds)
        self._allowances.heard(self._platform, call.headers)
        remaining, limit = number(call.headers, REMAINING), number(call.headers, LIMIT)
        if remaining is not None:
            metrics.limit_remaining.labels(self._platform).set(remaining)
        if limit is not None:
            metrics.limit.labels(self._platform).set(limit)


def _status_class(status: int | None) -> str:
    if status is None:
        return "no_answer"
    if status == 429:
        return "limited"
    return f"{status // 100}xx"
