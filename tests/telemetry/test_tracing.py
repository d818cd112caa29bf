"""Traces are off unless asked for, and tell nothing that could be secret."""

import builtins
import socket
import time

import pytest
from tests.telemetry.collector import Collector

from pipeline_guard.errors import ConfigError
from pipeline_guard.telemetry.start import start
from pipeline_guard.telemetry.tracing import Tracing

SWITCH = "OTEL_EXPORTER_OTLP_ENDPOINT"


def test_without_the_variable_nothing_is_traced():
    telemetry = start({"PATH": "/bin", SWITCH: ""})
    assert type(telemetry.tracing) is Tracing
    with telemetry.stage("decide", run_id="1") as span:
        span.set("x", 1)
        span.link("00-" + "1" * 32 + "-" + "2" * 16 + "-01")
        assert telemetry.tracing.traceparent() is None
    assert type(start({SWITCH: "http://x", "OTEL_SDK_DISABLED": "true"}).tracing) is Tracing


def test_without_the_extra_installed_one_sentence_says_what_to_do(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest):
        if name.startswith(("opentelemetry", "pipeline_guard.telemetry.otel")):
            raise ModuleNotFoundError(f"No module named {name!r}", name="opentelemetry")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigError, match=r"pipeline-guard\[otel\]"):
        start({SWITCH: "http://127.0.0.1:1"})


def test_of_an_error_only_the_class_is_told(monkeypatch):
    with Collector() as collector:
        monkeypatch.setenv(SWITCH, collector.url)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "guard-of-the-test")
        telemetry = start({SWITCH: collector.url})
        with pytest.raises(ValueError, match="swordfish"), telemetry.stage("act"):
            raise ValueError("the password is swordfish")
        telemetry.close()
    span = collector.named("act")
    assert (span.failed, span.events) == (True, 0)
    assert span.attributes == {"error.type": "ValueError"}
    assert b"swordfish" not in collector.raw
    assert collector.resources[0]["service.name"] == "guard-of-the-test"


def test_a_collector_that_hangs_does_not_keep_the_process(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv(SWITCH, f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr("pipeline_guard.telemetry.otel.CLOSE_SECONDS", 0.2)
        telemetry = start({SWITCH: "set"})
        with telemetry.stage("act"):
            pass
        started = time.monotonic()
        telemetry.close()
        assert time.monotonic() - started < 2
