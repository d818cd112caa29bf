"""The web application: its routes, its lifespan, its answers to what goes wrong."""

import contextlib
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, Depends, FastAPI
from starlette.types import Receive, Scope, Send

from pipeline_guard import __version__
from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.settings import Settings
from pipeline_guard.stages.accept import WRITERS, Acceptor
from pipeline_guard.stages.context import Queue
from pipeline_guard.stages.upkeep.registrations import Registrations
from pipeline_guard.store.session import Database
from pipeline_guard.telemetry.telemetry import Telemetry
from pipeline_guard.web import access, health, metrics, problems, reference, setup, signin
from pipeline_guard.web.api import (
    audit,
    deliveries,
    events,
    failures,
    incidents,
    rules,
    stats,
    switches,
    tokens,
)
from pipeline_guard.web.api.parameters import given_once
from pipeline_guard.web.body import BodyLimit
from pipeline_guard.web.dashboard import pages
from pipeline_guard.web.dashboard.desk import Desk, desk
from pipeline_guard.web.dashboard.page import Pages
from pipeline_guard.web.deadline import Deadline
from pipeline_guard.web.headers import SecurityHeaders
from pipeline_guard.web.live import Live
from pipeline_guard.web.observe import Observed
from pipeline_guard.web.openapi import describe
from pipeline_guard.web.webhooks import PREFIX, Receiver

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Application(FastAPI):
    """The application, with webhooks taken out of the framework's way: they are the hot path."""

    def __init__(self, receiver: Receiver, telemetry: Telemetry, lifespan: Lifespan) -> None:
        super().__init__(
            title="Pipeline Guard",
            version=__version__,
            description="What went red on your CI platforms, why, and what was done about it.",
            lifespan=lifespan,
            docs_url=None,
            redoc_url=None,
        )
        self._receiver = receiver
        # Around all of it: what the framework says of a crash it says past any other middleware.
        self._guarded = SecurityHeaders(super().__call__)
        self._observed = Observed(self._route, telemetry, webhooks=PREFIX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, watched."""
        await self._observed(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self._receiver(scope, receive, send)
        else:
            await self._guarded(scope, receive, send)


def create_app(
    settings: Settings,
    database: Database,
    platforms: Mapping[str, Connected],
    queue: Queue,
    telemetry: Telemetry | None = None,
    registrations: Registrations | None = None,
) -> FastAPI:
    """The application over an open database and the switched-on platforms.

    With `registrations`, which watches over the same platforms, an App can be registered.
    """
    telemetry = telemetry or Telemetry()
    acceptor = Acceptor(database.accept_pool(WRITERS), telemetry)
    live = Live(database, events.describe)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await acceptor.start()
        try:
            async with live.running():
                yield
        finally:
            await acceptor.close()

    app = Application(Receiver(platforms, acceptor, telemetry), telemetry, lifespan)
    app.state.live = live
    app.state.access = access.Access(settings, database)
    at = desk(Pages(), settings, database, platforms, queue, telemetry)
    for routes in _api(database, queue, live, at):
        app.include_router(
            routes, prefix="/api/v1", dependencies=[access.require("read"), Depends(given_once)]
        )
    app.include_router(pages.router(at), dependencies=[access.require("read")])
    pages.serve_files(app)
    if registrations is not None:
        app.include_router(setup.router(registrations, at.pages, database))
        app.include_router(setup.invitation(registrations, database))
    for routes in _ways_in(settings, database, app.state.access, at.pages):
        app.include_router(routes)
    app.include_router(reference.router(at.pages))
    app.include_router(health.router(database))
    app.include_router(metrics.router(database, telemetry.metrics))
    app.add_middleware(BodyLimit)
    app.add_middleware(Deadline, pages=at.pages)
    problems.register(app, at.pages)
    app.openapi = describe(app)  # type: ignore[method-assign]  # as the framework's docs have it
    return app


def _api(database: Database, queue: Queue, live: Live, at: Desk) -> Iterator[APIRouter]:
    """What scripts ask, in the order of the reference."""
    yield failures.router(database)
    yield incidents.router(database)
    yield deliveries.router(database, queue)
    yield audit.router(database)
    yield switches.router(database)
    yield tokens.router(database)
    yield rules.router(database, at.context.policies)
    yield events.router(live)
    yield stats.router(database)


def _ways_in(
    settings: Settings, database: Database, guard: access.Access, pages: Pages
) -> Iterator[APIRouter]:
    """The sign-in page, and the provider's part of it where there is one; raises ConfigError."""
    yield signin.router(guard, pages, database, with_provider=settings.oidc_issuer is not None)
    if settings.oidc_issuer is None:
        return
    # Only here: the library for it costs every start a second, and warns of its own future.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pipeline_guard.web import oidc, signin_oidc  # noqa: PLC0415
    provider = oidc.provider_from(settings, settings.oidc_issuer)
    yield signin_oidc.router(guard, pages, database, provider, settings.public_url)
