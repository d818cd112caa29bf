"""Spans of a trace where OpenTelemetry is switched on, and nothing at all where it is not."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Literal

Value = str | int | float | bool | None
Kind = Literal["internal", "server", "client", "consumer"]


class Span:
    """One piece of work in a trace; this one belongs to no trace and keeps nothing."""

    def set(self, name: str, value: Value) -> None:
        """Give an attribute; None is left out."""

    def link(self, traceparent: str | None) -> None:
        """Point at a span of another trace, by its W3C traceparent; None points nowhere."""

    def rename(self, name: str) -> None:
        """Give the name that was not known at the start."""


class Tracing:
    """Makes spans; this one, switched off, makes none."""

    @contextlib.contextmanager
    def span(
        self,
        name: str,
        attributes: Mapping[str, Value],
        *,
        kind: Kind = "internal",
        parent: str | None = None,
    ) -> Iterator[Span]:
        """A span around the block, below the running one or below `parent` (a traceparent)."""
        yield Span()

    def current(self) -> Span:
        """The running span."""
        return Span()

    def names(self) -> dict[str, str]:
        """What lines of the log carry to be found from the trace, and the other way round."""
        traceparent = self.traceparent()
        return {} if traceparent is None else {"trace_id": traceparent.split("-")[1]}

    def traceparent(self) -> str | None:
        """The running span as W3C text, to be continued elsewhere; None when there is none.

        https://www.w3.org/TR/trace-context/#traceparent-header
        """
        return None

    def close(self) -> None:
        """Send what is not sent yet; takes a few seconds at most."""
