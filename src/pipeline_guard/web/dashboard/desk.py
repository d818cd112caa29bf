"""Desk: what every page is handed."""

from collections.abc import Mapping
from dataclasses import dataclass

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
    context = assemble.context(
        settings, database, Platforms(dict(platforms), {}), queue, telemetry, judge
    )
    return Desk(pages, context, judge, settings)
