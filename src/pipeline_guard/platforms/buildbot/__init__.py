"""Buildbot 4: reads its status push, its logs and its chains of rebuilds, and asks for one."""

from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.platforms.buildbot.adapter import BuildbotPlatform
from pipeline_guard.platforms.buildbot.client import BuildbotClient
from pipeline_guard.platforms.buildbot.webhook import BuildbotWebhook
from pipeline_guard.settings import Settings
from pipeline_guard.telemetry.telemetry import Telemetry


def build(settings: Settings, telemetry: Telemetry | None = None) -> Connected | str:
    """Connect Buildbot, or say in a sentence which setting keeps it switched off."""
    if not settings.buildbot_webhook_tokens:
        return "PIPELINE_GUARD_BUILDBOT_WEBHOOK_TOKEN is not set"
    if not settings.buildbot_url:
        return "PIPELINE_GUARD_BUILDBOT_URL is not set"
    password = settings.buildbot_password
    client = BuildbotClient(
        settings.buildbot_url,
        user=settings.buildbot_user,
        password=password.get_secret_value() if password else None,
        calls=telemetry.calls("buildbot") if telemetry else None,
    )
    return Connected(
        reader=BuildbotWebhook(settings.buildbot_webhook_tokens), platform=BuildbotPlatform(client)
    )
