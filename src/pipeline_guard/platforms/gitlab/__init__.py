"""GitLab, on gitlab.com or self-managed: switched on by a webhook secret and an API token."""

from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.errors import ConfigError
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform
from pipeline_guard.platforms.gitlab.client import GitLabClient, ca_bundle
from pipeline_guard.platforms.gitlab.webhook import GitLabWebhooks
from pipeline_guard.settings import Settings
from pipeline_guard.telemetry.telemetry import Telemetry


def build(settings: Settings, telemetry: Telemetry | None = None) -> Connected | str:
    """The connection the settings describe, or a sentence that says why it is off."""
    if not (settings.gitlab_webhook_secrets or settings.gitlab_signing_tokens):
        return (
            "PIPELINE_GUARD_GITLAB_WEBHOOK_SECRET or PIPELINE_GUARD_GITLAB_SIGNING_TOKEN "
            "is not set, so no delivery could be trusted."
        )
    token = settings.gitlab_token.get_secret_value().strip() if settings.gitlab_token else ""
    if not token:
        return "PIPELINE_GUARD_GITLAB_TOKEN is not set, so no pipeline could be read."
    try:
        reader = GitLabWebhooks(
            settings.gitlab_webhook_secrets,
            settings.gitlab_signing_tokens,
            base_url=settings.gitlab_url,
        )
    except ConfigError as error:
        return f"PIPELINE_GUARD_GITLAB_SIGNING_TOKEN: {error}."
    try:
        calls = telemetry.calls("gitlab") if telemetry else None
        client = GitLabClient(settings.gitlab_url, token, calls=calls)
    except OSError as error:
        return f"The CA file {ca_bundle()} named by the environment cannot be used: {error}."
    return Connected(reader, GitLabPlatform(client))
