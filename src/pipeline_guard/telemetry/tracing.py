"""Spans of a trace where OpenTelemetry is switched on, and nothing at all where it is not."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Literal, Protocol

Value = str | int | float | bool | None
Kind = Literal["internal", "server", "client", "consumer"]


class Span(Protocol):
    """One piece of work in a trace."""

    def set(self, name: str, value: Value) -> None:
        """Give an attribute; None is left out."""

    def link(self, traceparent: str | None) -> None:
        """Point at a span of another trace, by its W3C traceparent; None points nowhere."""


class _Nothing:
    """The span of a switched-off trace."""

    def set(self, name: str, value: Value) -> None:
        """Leave it."""

    def link(self, traceparent: str | None) -> None:
        """Leave it."""


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
        yield _Nothing()

    def traceparent(self) -> str | None:
        """The running span as W3C text, to be continued elsewhere; None when there is none."""
        return None

    def close(self) -> None:
        """Send what is not sent yet."""
