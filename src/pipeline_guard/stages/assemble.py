"""Assemble: from settings to the platforms, rules and model that a process works with."""

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog

from pipeline_guard.classifier.predict import Model
from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.errors import ConfigError
from pipeline_guard.platforms import PLATFORMS
from pipeline_guard.rules.load import RuleSet
from pipeline_guard.rules.watch import RuleWatcher
from pipeline_guard.settings import Settings, unusable
from pipeline_guard.stages.context import Context, Queue
from pipeline_guard.stages.diagnose.judge import Judge
from pipeline_guard.stages.gather.policies import Policies
from pipeline_guard.store.retention import Keep
from pipeline_guard.store.session import Database
from pipeline_guard.telemetry.telemetry import Telemetry

LEFT_BEHIND_SECONDS = 24 * 3600

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Platforms:
    """Which platforms are switched on, and why the others are not."""

    on: dict[str, Connected]
    off: dict[str, str]

    async def aclose(self) -> None:
        """Give back their connections."""
        for connected in self.on.values():
            await connected.platform.aclose()


def connect_platforms(settings: Settings, telemetry: Telemetry | None = None) -> Platforms:
    """Build every platform that the settings configure; `telemetry` counts their calls."""
    built = {name: build(settings, telemetry) for name, build in PLATFORMS.items()}
    return Platforms(
        on={name: item for name, item in built.items() if isinstance(item, Connected)},
        off={name: item for name, item in built.items() if isinstance(item, str)},
    )


def scratch_folder(settings: Settings) -> Path:
    """Where logs lie while they are read; what a killed process left a day ago is removed.

    Raises ConfigError where DATA_DIR cannot be written to.
    """
    folder = settings.data_dir / "scratch"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise unusable(settings.data_dir, error) from error
    for left in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process may be at it, too
            if time.time() - left.stat().st_mtime > LEFT_BEHIND_SECONDS:
                left.unlink()
    return folder


class CurrentJudge:
    """A judge with the rules as they are now.

    Made at its first log, so that a process is ready before rules are compiled, and made anew
    when a rule file has changed; a set that does not load is logged and changes nothing.
    """

    def __init__(self, directories: Sequence[Path] = ()) -> None:
        self._directories = directories
        self._watcher: RuleWatcher | None = None
        self._rules: RuleSet | None = None
        self._judge: Judge | None = None
        self._making = threading.Lock()

    def judge(
        self,
        source: Path | BinaryIO,
        *,
        platform: str | None = None,
        failed: bool | None = None,
        extra_lines: tuple[str, ...] = (),
    ) -> Diagnosis:
        """See stages.judge.Judge."""
        judge = self._current()
        return judge.judge(source, platform=platform, failed=failed, extra_lines=extra_lines)

    def rules(self) -> RuleSet:
        """The rules in force now; raises ConfigError when they have never loaded."""
        with self._making:
            return self._watched()

    def _watched(self) -> RuleSet:
        if self._watcher is None:
            self._watcher = RuleWatcher(self._directories, on_problem=_tell)
        return self._watcher.current()

    def _current(self) -> Judge:
        with self._making:
            rules = self._watched()
            if self._judge is None or rules is not self._rules:
                self._rules, self._judge = rules, Judge(rules, Model())
            return self._judge


def _tell(problem: str) -> None:
    log.warning("rules_not_reloaded", problem=problem)


def context(
    settings: Settings,
    database: Database,
    platforms: Platforms,
    queue: Queue,
    telemetry: Telemetry | None = None,
    judge: CurrentJudge | None = None,
) -> Context:
    """What a process's stages are handed; raises ConfigError when guard.yaml is wrong."""
    telemetry = telemetry or Telemetry()
    telemetry.metrics.model.labels(Model().version).set(1)
    return Context(
        database,
        platforms.on,
        judge or CurrentJudge(rule_folders(settings)),
        Policies(settings, platforms.on),
        queue,
        scratch_folder(settings),
        keep(settings),
        telemetry,
        settings.public_url,
    )


def keep(settings: Settings) -> Keep:
    """How many days each kind of record is kept."""
    return Keep(
        deliveries=settings.keep_deliveries_days,
        failures=settings.keep_failures_days,
        logs=settings.keep_logs_days,
        queue=settings.keep_queue_days,
    )


def rule_folders(settings: Settings) -> tuple[Path, ...]:
    """The operator's own folders of rules; raises ConfigError when there is no such folder."""
    if settings.rules is None:
        return ()
    if not settings.rules.is_dir():
        raise ConfigError(f"PIPELINE_GUARD_RULES: there is no folder {settings.rules}")
    return (settings.rules,)
