"""`serve` and `worker`: the processes that do the work."""

import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import typer

from pipeline_guard.cli.environment import load_settings
from pipeline_guard.errors import ConfigError

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from pipeline_guard.settings import Settings
    from pipeline_guard.stages.upkeep.registrations import Registrations
    from pipeline_guard.telemetry.telemetry import Telemetry


def register(app: typer.Typer) -> None:
    """Add both commands."""
    app.command()(serve)
    app.command("worker")(worker_alone)


def serve(
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
    port: int = typer.Option(8000, min=0, max=65535, help="Port; 0 takes a free one."),
    worker: bool = typer.Option(True, help="Work on jobs in this process, too."),
) -> None:
    """Receive webhooks and work on them, in one process.

    Example: PIPELINE_GUARD_GITHUB_WEBHOOK_SECRET=... pipeline-guard serve --port 8000

    Exit codes: 0 on SIGTERM or Ctrl-C, 1 it cannot start (the reason is on stderr).
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415

    settings = load_settings()
    _refuse_open_door(settings, host)
    with _started(settings) as (url, telemetry):
        runtime.run(_serve(settings, url, telemetry, host, port, with_worker=worker))


def worker_alone(
    metrics_port: int | None = typer.Option(
        None,
        min=0,
        max=65535,
        help="Port of its own metrics for Prometheus; 0 takes a free one.",
    ),
    metrics_host: str = typer.Option("127.0.0.1", help="Address they are served on."),
) -> None:
    """Work on jobs, without a web server; run as many as you like, on any machine.

    Example: PIPELINE_GUARD_DATABASE_URL=postgresql://... pipeline-guard worker

    Exit codes: 0 on SIGTERM or Ctrl-C, 1 it cannot start (the reason is on stderr).
    """
    from pipeline_guard.cli import runtime  # noqa: PLC0415

    settings = load_settings()
    with _started(settings) as (url, telemetry):
        runtime.run(_work(settings, url, telemetry, metrics_host, metrics_port))


@contextlib.contextmanager
def _started(settings: "Settings") -> Iterator[tuple[str, "Telemetry"]]:
    """What both stand on: the database's address, and the telemetry."""
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.telemetry.start import start  # noqa: PLC0415

    with (
        contextlib.closing(start(os.environ)) as telemetry,
        runtime.database_url(settings) as url,
    ):
        yield url, telemetry


def _refuse_open_door(settings: "Settings", host: str) -> None:
    from pipeline_guard.settings import is_loopback  # noqa: PLC0415

    if is_loopback(host) or settings.api_tokens:
        return
    raise ConfigError(
        f"Listening on {host} would let everybody who can reach it read your failures. Set"
        " PIPELINE_GUARD_API_TOKEN to a long random value, or listen on 127.0.0.1."
    )


async def _serve(
    settings: "Settings",
    url: str,
    telemetry: "Telemetry",
    host: str,
    port: int,
    *,
    with_worker: bool,
) -> None:
    from pipeline_guard import worker  # noqa: PLC0415
    from pipeline_guard.cli.runtime import open_database  # noqa: PLC0415
    from pipeline_guard.stages import assemble  # noqa: PLC0415
    from pipeline_guard.stages.upkeep.registrations import Registrations  # noqa: PLC0415
    from pipeline_guard.web.app import create_app  # noqa: PLC0415

    async with open_database(url) as database:
        queue = worker.queue_app(database.url)
        async with queue.open_async():
            tasks = worker.TaskQueue(queue, telemetry.tracing)
            platforms = assemble.connect_platforms(settings, telemetry)
            registrations = Registrations(settings, database, platforms, telemetry)
            await registrations.refresh()
            app = create_app(settings, database, platforms.on, tasks, telemetry, registrations)
            server = _server(app, registrations, host, port)
            async with contextlib.AsyncExitStack() as stack:
                stack.push_async_callback(platforms.aclose)
                await stack.enter_async_context(registrations.running())
                # The server gives signals it has obeyed back to whoever handled them before:
                # that must be us, or they would end the process before it has cleaned up.
                for number in (signal.SIGINT, signal.SIGTERM):
                    signal.signal(number, lambda *_: setattr(server, "should_exit", True))
                if with_worker:
                    context = assemble.context(settings, database, platforms, tasks, telemetry)
                    await stack.enter_async_context(worker.running(queue, context))
                await server.serve()


def _server(
    app: "FastAPI", registrations: "Registrations", host: str, port: int
) -> "uvicorn.Server":
    """A server of the app that tells when it is ready, and how to go on from there."""
    import uvicorn  # noqa: PLC0415

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            try:
                await super().startup(sockets)
            except SystemExit:  # its own way to say so, after a line in the log
                told = f"Could not listen on {host}:{port}; is the port in use?"
                raise ConfigError(told) from None
            if self.started:
                real = self.servers[0].sockets[0].getsockname()[1]
                here = f"http://{f'[{host}]' if ':' in host else host}:{real}"
                typer.echo(f"Pipeline Guard is ready at {here}")
                if registrations.invited:
                    link = await registrations.setup_link(here)
                    typer.echo(f"Connect GitHub at {link}", err=True)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.state.live.end()  # else open pages would keep it waiting
            await super().shutdown(sockets)

    return Announced(
        uvicorn.Config(
            app, host=host, port=port, log_config=None, access_log=False,
            timeout_graceful_shutdown=5, server_header=False,
        )
    )  # fmt: skip


async def _work(
    settings: "Settings",
    url: str,
    telemetry: "Telemetry",
    metrics_host: str,
    metrics_port: int | None,
) -> None:
    from pipeline_guard.telemetry.exposed import Pulse, exposed  # noqa: PLC0415

    pulse = Pulse()
    with contextlib.ExitStack() as stack:
        told = ""
        if metrics_port is not None:
            registry = telemetry.metrics.registry
            port = stack.enter_context(exposed(registry, pulse, metrics_host, metrics_port))
            told = f", its metrics are at http://{metrics_host}:{port}/metrics"
        async with _worker(settings, url, telemetry), pulse.beating():
            typer.echo(f"Pipeline Guard's worker is ready{told}")
            await _until_asked_to_stop()


@contextlib.asynccontextmanager
async def _worker(settings: "Settings", url: str, telemetry: "Telemetry") -> AsyncIterator[None]:
    from pipeline_guard import worker  # noqa: PLC0415
    from pipeline_guard.cli.runtime import open_database  # noqa: PLC0415
    from pipeline_guard.stages import assemble  # noqa: PLC0415
    from pipeline_guard.stages.upkeep.registrations import Registrations  # noqa: PLC0415

    async with open_database(url) as database:
        queue = worker.queue_app(database.url)
        platforms = assemble.connect_platforms(settings, telemetry)
        tasks = worker.TaskQueue(queue, telemetry.tracing)
        try:
            async with queue.open_async():
                registrations = Registrations(settings, database, platforms, telemetry)
                await registrations.refresh()
                context = assemble.context(settings, database, platforms, tasks, telemetry)
                async with registrations.running(), worker.running(queue, context):
                    yield
        finally:
            await platforms.aclose()


async def _until_asked_to_stop() -> None:
    import asyncio  # noqa: PLC0415

    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    await asked.wait()
