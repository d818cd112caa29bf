"""Traces by OpenTelemetry, sent by OTLP over HTTP to where its standard variables say.

https://opentelemetry.io/docs/specs/otel/protocol/exporter/
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pipeline_guard import __version__
from pipeline_guard.telemetry.tracing import Kind, Span, Tracing, Value

CLOSE_SECONDS: Final = 3.0
"""What an unreachable collector may cost at the end of a process."""
_KINDS: Final[dict[Kind, trace.SpanKind]] = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
    "consumer": trace.SpanKind.CONSUMER,
}
_W3C: Final = TraceContextTextMapPropagator()


class _Real(Span):
    """A span of OpenTelemetry's."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def set(self, name: str, value: Value) -> None:
        if value is not None:
            self._span.set_attribute(name, value)

    def link(self, traceparent: str | None) -> None:
        found = _span_context(traceparent)
        if found is not None and found.is_valid:
            self._span.add_link(found)

    def rename(self, name: str) -> None:
        self._span.update_name(name)


class OpenTelemetryTracing(Tracing):
    """Spans of a provider of our own: nothing global is touched, so tests can have several."""

    def __init__(self) -> None:
        given = Resource({"service.name": "pipeline-guard", "service.version": __version__})
        # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say is the last word.
        resource = given.merge(_told(Resource.create()))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("pipeline_guard", __version__)

    @contextlib.contextmanager
    def span(
        self,
        name: str,
        attributes: Mapping[str, Value],
        *,
        kind: Kind = "internal",
        parent: str | None = None,
    ) -> Iterator[Span]:
        """See Tracing; of an error only its class is told, for its text may hold anything."""
        given = {key: value for key, value in attributes.items() if value is not None}
        above = _W3C.extract({"traceparent": parent}) if parent else None
        with self._tracer.start_as_current_span(
            name,
            context=above,
            kind=_KINDS[kind],
            attributes=given,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield _Real(span)
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(trace.StatusCode.ERROR)
                raise

    def current(self) -> Span:
        """See Tracing."""
        return _Real(trace.get_current_span())

    def traceparent(self) -> str | None:
        """See Tracing."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        return carrier.get("traceparent")

    def close(self) -> None:
        """See Tracing."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)


def _told(found: Resource) -> Resource:
    """Without the name that the SDK makes up when it was told none."""
    name = str(found.attributes.get("service.name", ""))
    if not name.startswith("unknown_service"):
        return found
    return Resource({k: v for k, v in found.attributes.items() if k != "service.name"})


def _span_context(traceparent: str | None) -> trace.SpanContext | None:
    if not traceparent:
        return None
    return trace.get_current_span(_W3C.extract({"traceparent": traceparent})).get_span_context()
