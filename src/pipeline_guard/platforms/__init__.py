"""The platforms there are: a literal map from name to its folder's `build`, and nothing clever.

Each folder's `build(settings, telemetry)` returns a `Connected` pair, or the reason it is switched
off.
"""

from collections.abc import Callable
from typing import Final

from pipeline_guard.domain.capabilities import Capability, Connected
from pipeline_guard.platforms import buildbot, github, gitlab
from pipeline_guard.platforms.buildbot.adapter import BuildbotPlatform
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform
from pipeline_guard.settings import Settings
from pipeline_guard.telemetry.telemetry import Telemetry

Build = Callable[[Settings, Telemetry | None], Connected | str]

PLATFORMS: Final[dict[str, Build]] = {
    "buildbot": buildbot.build,
    "github": github.build,
    "gitlab": gitlab.build,
}
ADAPTERS: Final[dict[str, frozenset[Capability]]] = {
    "buildbot": BuildbotPlatform.capabilities,
    "github": GitHub.capabilities,
    "gitlab": GitLabPlatform.capabilities,
}
"""What each can do, connected or not."""
