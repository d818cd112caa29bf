"""The settings, read when a command needs them: importing them takes longer than `--help` may."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline_guard.settings import Settings


def load_settings() -> "Settings":
    """The settings of this process; raises ConfigError, see settings.load_settings."""
    from pipeline_guard.settings import load_settings as load  # noqa: PLC0415

    return load()
