"""From the environment to a process's telemetry."""

from collections.abc import Mapping
from typing import Final

from prometheus_client import disable_created_metrics

from pipeline_guard.errors import ConfigError
from pipeline_guard.telemetry.telemetry import Telemetry
from pipeline_guard.telemetry.tracing import Tracing

SWITCHES: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def start(environment: Mapping[str, str]) -> Telemetry:
    """Metrics always; traces where one of SWITCHES is set.

    Raises ConfigError when traces are wanted and the extra `otel` is not installed.
    """
    # The time each series began: twice the series, and nobody asks.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it untyped
    return Telemetry(tracing=_tracing(environment))


def _tracing(environment: Mapping[str, str]) -> Tracing:
    switch = next((name for name in SWITCHES if environment.get(name)), None)
    if switch is None or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return Tracing()
    try:
        from pipeline_guard.telemetry.otel import OpenTelemetryTracing  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise ConfigError(
            f"{switch} is set, but {error.name} is not installed. Install traces with"
            " `pip install 'pipeline-guard[otel]'`, or unset the variable."
        ) from error
    return OpenTelemetryTracing()
