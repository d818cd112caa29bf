"""Puts reader and adapter together for given secrets and credentials."""

from collections.abc import Sequence

from pipeline_guard.cache import Cache
from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.credentials import Credentials
from pipeline_guard.platforms.github.webhook import GitHubWebhooks
from pipeline_guard.settings import Settings
from pipeline_guard.telemetry.telemetry import Telemetry


def connect(
    settings: Settings,
    webhook_secrets: Sequence[str],
    credentials: Credentials,
    telemetry: Telemetry | None,
    cache: Cache,
) -> Connected:
    """GitHub at the address that is set, switched on; does no I/O."""
    calls = telemetry.calls("github") if telemetry else None
    client = Client(settings.github_api_url, credentials, calls=calls, cache=cache)
    return Connected(reader=GitHubWebhooks(webhook_secrets), platform=GitHub(client))
