"""Registers a GitHub App by manifest: what we ask for, and the exchange of a code for its keys.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx

from pipeline_guard.cache import cache_from
from pipeline_guard.domain.capabilities import Connected
from pipeline_guard.errors import ConfigError, PlatformUnavailable
from pipeline_guard.platforms.github.answers import refusal
from pipeline_guard.platforms.github.client import USER_AGENT, decoded
from pipeline_guard.platforms.github.connect import connect
from pipeline_guard.platforms.github.credentials import AppCredentials, private_key
from pipeline_guard.platforms.github.permissions import APP, EVENTS
from pipeline_guard.platforms.github.recovery import RECEIVER_PATH
from pipeline_guard.settings import Settings
from pipeline_guard.telemetry.telemetry import Telemetry

_TIMEOUT: Final = httpx.Timeout(20.0, connect=10.0)
_LONGEST_NAME: Final = 34
"""Characters of an App's name that GitHub takes."""


@dataclass(frozen=True, slots=True)
class Registered:
    """An App as GitHub made it; key and secret are told this once."""

    app_id: str
    name: str
    url: str
    private_key: str
    webhook_secret: str

    @property
    def install_url(self) -> str:
        """Where people put the App on their repositories."""
        return f"{self.url}/installations/new"


def configured(settings: Settings) -> bool:
    """Do the settings say how GitHub is reached? Then a registration has no say."""
    return bool(
        settings.github_webhook_secrets
        or settings.github_token
        or settings.github_app_id
        or settings.github_private_key
    )


def web_url(api_url: str) -> str:
    """Where people use the GitHub whose API that is."""
    parts = urlsplit(api_url)
    if parts.hostname == "api.github.com":
        return "https://github.com"
    return f"{parts.scheme}://{parts.netloc}"


def form_url(api_url: str, organisation: str, state: str) -> str:
    """Where the manifest is to be sent by the browser of who registers."""
    owner = f"organizations/{quote(organisation, safe='')}/" if organisation else ""
    return f"{web_url(api_url)}/{owner}settings/apps/new?state={quote(state, safe='')}"


def manifest(public_url: str, back: str) -> dict[str, Any]:
    """What the App shall be; GitHub sends the browser to `back` with a code."""
    host = urlsplit(public_url).hostname or "here"
    return {
        "name": f"Pipeline Guard {host}"[:_LONGEST_NAME].strip(" .-"),
        "url": public_url,
        "description": "Reads what went red, re-runs what a re-run can heal, explains the rest.",
        "hook_attributes": {"url": f"{public_url}{RECEIVER_PATH}", "active": True},
        "redirect_url": back,
        "public": False,
        "default_permissions": dict(APP),
        "default_events": list(EVENTS),
    }


async def exchange(api_url: str, code: str) -> Registered:
    """The App that the code stands for; a code is good once, so this is tried once.

    Raises errors.PlatformError.
    """
    path = f"/app-manifests/{quote(code, safe='')}/conversions"
    headers = {"Accept": "application/vnd.github+json", "User-Agent": USER_AGENT}
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT) as client:
            answer = await client.post(f"{api_url.rstrip('/')}{path}", headers=headers)
    except httpx.HTTPError as error:
        raise PlatformUnavailable(f"GitHub gave no answer: {type(error).__name__}") from error
    data = decoded(answer.content)
    if not answer.is_success:
        raise refusal("POST /app-manifests/…/conversions", answer.status_code, answer.headers, data)
    try:
        return Registered(
            app_id=str(int(data["id"])),
            name=str(data["slug"]),
            url=str(data["html_url"]),
            private_key=private_key(str(data["pem"])),
            webhook_secret=str(data["webhook_secret"]),
        )
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise PlatformUnavailable("GitHub's answer holds no App with its key") from error


def connect_registered(
    settings: Settings, app: Registered, telemetry: Telemetry | None
) -> Connected:
    """GitHub by way of a registered App."""
    cache = cache_from(settings)
    credentials = AppCredentials(app.app_id, app.private_key, cache)
    return connect(settings, (app.webhook_secret,), credentials, telemetry, cache)
