"""The web application: its routes, its lifespan, its answers to what goes wrong."""

import contextlib
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping

from fastapi import APIRouter, FastAPI
from starlette.types import Receive, Scope, Send

from pipeline_guard import __version__
from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.settings import Settings
from pipeline_guard.stages.accept import WRITERS, Acceptor
from pipeline_guard.stages.context import Queue
from pipeline_guard.stages.registrations import Registrations
from pipeline_guard.store.session import Database
from pipeline_guard.telemetry.telemetry import Telemetry
from pipeline_guard.web import access, health, metrics, problems, reference, setup, signin
from pipeline_guard.web.api import audit, deliveries, events, failures, incidents, rules, stats
from pipeline_guard.web.body import BodyLimit
from pipeline_guard.web.dashboard import pages
from pipeline_guard.web.dashboard.desk import desk
from pipeline_guard.web.dashboard.page import Pages
from pipeline_guard.web.deadline import Deadline
from pipeline_guard.web.headers import SecurityHeaders
from pipeline_guard.web.live import Live
from pipeline_guard.web.observe import Observed
from pipeline_guard.web.openapi import describe
from pipeline_guard.web.webhooks import PREFIX, Receiver


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

    receiver = Receiver(platforms, acceptor, telemetry)

    class Application(FastAPI):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await observed(scope, receive, send)

        async def route(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["path"].startswith(PREFIX):
                await receiver(scope, receive, send)
            else:
                await super().__call__(scope, receive, send)

    app = Application(
        title="Pipeline Guard",
        version=__version__,
        description="What went red on your CI platforms, why, and what was done about it.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    observed = Observed(app.route, telemetry, webhooks=PREFIX)
    app.state.live = live
    app.state.access = access.Access(settings, database)
    templates = Pages()
    allowed = [access.require("read")]
    app.include_router(failures.router(database), prefix="/api/v1", dependencies=allowed)
    app.include_router(incidents.router(database), prefix="/api/v1", dependencies=allowed)
    app.include_router(deliveries.router(database, queue), prefix="/api/v1", dependencies=allowed)
    app.include_router(audit.router(database), prefix="/api/v1", dependencies=allowed)
    at = desk(templates, settings, database, platforms, queue, telemetry)
    app.include_router(
        rules.router(database, at.context.policies), prefix="/api/v1", dependencies=allowed
    )
    app.include_router(events.router(live), prefix="/api/v1", dependencies=allowed)
    app.include_router(pages.router(at), dependencies=allowed)
    pages.serve_files(app)
    if registrations is not None:
        app.include_router(setup.router(registrations, templates, database))
    for routes in _ways_in(settings, database, app.state.access, templates):
        app.include_router(routes)
    app.include_router(reference.router(templates))
    app.include_router(health.router(database))
    app.include_router(metrics.router(database, telemetry.metrics))

    app.include_router(stats.router(database), prefix="/api/v1", dependencies=allowed)

    app.add_middleware(BodyLimit)
    app.add_middleware(Deadline)
    app.add_middleware(SecurityHeaders)
    problems.register(app)
    app.openapi = describe(app)  # type: ignore[method-assign]  # as the framework's docs have it
    return app


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
