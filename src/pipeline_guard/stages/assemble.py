"""Assemble: from settings to the platforms, rules and model that a process works with."""

import threading
from dataclasses import dataclass
from pathlib import Path

from pipeline_guard.classifier.artifact import default_folder
from pipeline_guard.classifier.predict import Model
from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.platforms import PLATFORMS
from pipeline_guard.rules.load import load_rules
from pipeline_guard.settings import Settings
from pipeline_guard.stages.context import Context, Queue
from pipeline_guard.stages.judge import Judge
from pipeline_guard.stages.policies import Policies
from pipeline_guard.store.session import Database


@dataclass(frozen=True, slots=True)
class Platforms:
    """Which platforms are switched on, and why the others are not."""

    on: dict[str, Connected]
    off: dict[str, str]

    async def aclose(self) -> None:
        """Give back their connections."""
        for connected in self.on.values():
            await connected.platform.aclose()


def connect_platforms(settings: Settings) -> Platforms:
    """Build every platform that the settings configure."""
    built = {name: build(settings) for name, build in PLATFORMS.items()}
    return Platforms(
        on={name: item for name, item in built.items() if isinstance(item, Connected)},
        off={name: item for name, item in built.items() if isinstance(item, str)},
    )


def scratch_folder(settings: Settings) -> Path:
    """Where logs lie while they are read; left-overs of a killed process are removed."""
    folder = settings.data_dir / "scratch"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


class LazyJudge:
    """A judge made at its first log, so that a process is ready before rules are compiled."""

    def __init__(self) -> None:
        self._judge: Judge | None = None
        self._making = threading.Lock()

    def judge(
        self,
        source: Path,
        *,
        platform: str | None = None,
        failed: bool | None = None,
        extra_lines: tuple[str, ...] = (),
    ) -> Diagnosis:
        """See stages.judge.Judge."""
        with self._making:
            if self._judge is None:
                self._judge = Judge(load_rules(), _model())
        return self._judge.judge(source, platform=platform, failed=failed, extra_lines=extra_lines)


def context(settings: Settings, database: Database, platforms: Platforms, queue: Queue) -> Context:
    """What a worker's stages are handed; raises ConfigError when guard.yaml is wrong."""
    return Context(
        database, platforms.on, LazyJudge(), Policies(settings), queue, scratch_folder(settings)
    )


def _model() -> Model | None:
    import os

    return Model() if (default_folder() / "model.skops").exists() else None


def describe_judge() -> str:
    """For `doctor`: how many rules are in force; raises when rules or model cannot be read."""
    rules = load_rules()
    meta = Model().weights.meta
    return f"{len(rules.rules)} rules; the model was trained on {meta.get('logs', '?')} logs."
