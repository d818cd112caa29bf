"""Desk: what every page is handed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.settings import Settings
from pipeline_guard.stages import assemble
from pipeline_guard.stages.assemble import CurrentJudge, Platforms
from pipeline_guard.stages.context import Context, Queue
from pipeline_guard.store.session import Database
from pipeline_guard.telemetry.telemetry import Telemetry
from pipeline_guard.web.dashboard.page import Pages


@dataclass(frozen=True, slots=True)
class Desk:
    """The templates, what the stages are handed, and what only pages need of it."""

    pages: Pages
    context: Context
    judge: CurrentJudge
    settings: Settings

    @property
    def database(self) -> Database:
        """The store."""
        return self.context.database


def desk(
    pages: Pages,
    settings: Settings,
    database: Database,
    platforms: Mapping[str, Connected],
    queue: Queue,
    telemetry: Telemetry,
) -> Desk:
    """The desk of one application; raises ConfigError when guard.yaml or RULES is wrong."""
    judge = CurrentJudge(assemble.rule_folders(settings))
    context = assemble.context(settings, database, Platforms({}, {}), queue, telemetry, judge)
    # The mapping itself, not a copy: a platform that is registered later is in it at once.
    return Desk(pages, replace(context, platforms=platforms), judge, settings)
