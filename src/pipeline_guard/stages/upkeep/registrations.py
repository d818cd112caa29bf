"""Registrations: takes an App that was registered at /setup into use, in every process, at once.

What the environment says comes first: then nothing here has a say.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

import orjson
import structlog

from pipeline_guard.errors import ConfigError, StoreUnavailable
from pipeline_guard.platforms.github import registration as github
from pipeline_guard.platforms.github.registration import Registered
from pipeline_guard.settings import Settings
from pipeline_guard.stages.assemble import Platforms
from pipeline_guard.store import audit, registrations, tickets
from pipeline_guard.store.session import Database
from pipeline_guard.telemetry.telemetry import Telemetry
from pipeline_guard.vault import vault_from

LOOK_SECONDS: Final = 3.0
"""How often the other processes look whether there is a new registration."""
SETUP: Final = "setup"
"""The kind of ticket that lets somebody register an App."""
_SETUP_LIFE: Final = timedelta(hours=1)

log = structlog.get_logger(__name__)


class Registrations:
    """The registration at GitHub, kept in force among the platforms of this process."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        platforms: Platforms,
        telemetry: Telemetry | None = None,
    ) -> None:
        self.settings = settings
        self._database = database
        self._platforms = platforms
        self._telemetry = telemetry
        self._seen: datetime | None = None

    @property
    def wanted(self) -> bool:
        """Is GitHub off, so that somebody may want to register?"""
        return "github" not in self._platforms.on

    @property
    def invited(self) -> bool:
        """Does a link to register help? Not where another platform works, or GitHub is set."""
        return not self._platforms.on and not github.configured(self.settings)

    async def refresh(self) -> None:
        """Take a new registration into use; raises StoreUnavailable."""
        if github.configured(self.settings):
            return
        async with self._database.transaction() as session:
            since = await registrations.since(session, "github")
            if since is None or since == self._seen:
                return
            row = await registrations.get(session, "github")
        self._seen = since
        if row is None:
            return
        try:
            app = Registered(**orjson.loads(vault_from(self.settings).open(row.sealed)))
        except ConfigError as error:
            self._platforms.off["github"] = str(error)
            log.warning("registration_not_opened", platform="github", error=str(error))
            return
        before = self._platforms.on.get("github")
        self._platforms.on["github"] = github.connect_registered(
            self.settings, app, self._telemetry
        )
        self._platforms.off.pop("github", None)
        if before is not None:  # what it is still at is tried again with the new one
            await before.platform.aclose()
        log.info("registration_in_use", platform="github", app=row.name)

    async def keep(self, app: Registered, actor: str) -> None:
        """Keep a new registration and take it into use; raises ConfigError, StoreUnavailable."""
        sealed = vault_from(self.settings).seal(orjson.dumps(asdict(app)))
        async with self._database.transaction() as session:
            await registrations.put(session, "github", app.name, app.url, sealed)
            details = {"app": app.app_id, "name": app.name}
            audit.record(session, actor, "app.registered", "github", details)
        await self.refresh()

    async def setup_token(self) -> str:
        """A secret by which somebody may register an App, once, within the hour."""
        async with self._database.transaction() as session:
            return await tickets.issue(session, SETUP, {}, _SETUP_LIFE)

    async def setup_link(self, here: str) -> str:
        """The address to register at, with a new setup token; `here` unless PUBLIC_URL is set."""
        return f"{self.settings.public_url or here}/setup?token={await self.setup_token()}"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Looked for again and again while the block runs."""
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait([looking])

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.refresh()
            except StoreUnavailable:
                pass  # it comes back, or others tell of it
            except Exception:
                log.exception("registration_not_read")
