"""GitHub Actions: reads its webhooks, re-reads its runs, re-runs jobs and keeps one comment."""

from pipeline_guard.cache import cache_from
from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.errors import ConfigError
from pipeline_guard.platforms.github.connect import connect
from pipeline_guard.platforms.github.credentials import credentials_from
from pipeline_guard.settings import Settings
from pipeline_guard.telemetry.telemetry import Telemetry


def build(settings: Settings, telemetry: Telemetry | None = None) -> Connected | str:
    """Switch GitHub on, or return the sentence that says why it stays off; does no I/O but a key.

    Needs a webhook secret and either a token or an App (id and private key).
    """
    secrets = settings.github_webhook_secrets
    if not secrets:
        return (
            "PIPELINE_GUARD_GITHUB_WEBHOOK_SECRET is not set, and no App was registered at /setup"
        )
    cache = cache_from(settings)
    try:
        credentials = credentials_from(settings, cache)
    except ConfigError as error:
        return str(error)
    return connect(settings, secrets, credentials, telemetry, cache)
