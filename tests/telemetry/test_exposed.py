"""A worker tells its metrics and whether it still turns, over real HTTP."""

import asyncio
import socket

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter

from pipeline_guard.errors import ConfigError
from pipeline_guard.telemetry import exposed as module
from pipeline_guard.telemetry.exposed import Pulse, exposed


async def ask(port: int, path: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"http://127.0.0.1:{port}{path}")


async def test_it_is_healthy_while_the_loop_turns_and_not_before_or_after(monkeypatch):
    pulse = Pulse()
    with exposed(CollectorRegistry(), pulse, "127.0.0.1", 0) as port:
        assert (await ask(port, "/healthz")).status_code == 503
        async with pulse.beating():
            await asyncio.sleep(0)
            assert (await ask(port, "/healthz")).status_code == 200
            monkeypatch.setattr(module, "STANDSTILL_SECONDS", 0.0)
            answer = await ask(port, "/healthz")
            assert answer.status_code == 503
            assert "stands still" in answer.text


async def test_metrics_are_told_whatever_the_loop_does():
    registry = CollectorRegistry()
    Counter("seen", "Seen.", registry=registry).inc(3)
    with exposed(registry, Pulse(), "127.0.0.1", 0) as port:
        assert "seen_total 3.0" in (await ask(port, "/metrics")).text


def test_an_address_in_use_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigError, match=f"127.0.0.1:{port}"),
            exposed(CollectorRegistry(), Pulse(), "127.0.0.1", port),
        ):
            pass
