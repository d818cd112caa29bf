"""Looks at our token's scopes and age on GitLab, and at the webhooks that lead here."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from pipeline_guard.domain.inspection import Finding
from pipeline_guard.errors import NotAuthorized, NotFound
from pipeline_guard.platforms.gitlab.client import GitLabClient

Json = dict[str, Any]

RECEIVER_PATH: Final = "/webhooks/gitlab"
EVENTS: Final = {"pipeline_events": "Pipeline events", "note_events": "Comments"}
"""What a hook must send, by GitLab's name for it and by the words on its page."""
SOON: Final = timedelta(days=14)
MAX_HOOKS: Final = 100


class Inspection:
    """See domain.inspection.Inspects."""

    def __init__(self, client: GitLabClient) -> None:
        self._client = client

    async def inspect(self, repositories: Sequence[str]) -> list[Finding]:
        """The token first, then webhooks."""
        found = [await self._token()]
        for repository in repositories:
            found += await self._hooks(repository)
        return found

    async def server_time(self) -> datetime | None:
        """By the Date of an answer."""
        return await self._client.date()

    async def _token(self) -> Finding:
        name = "gitlab token"
        try:
            token = await self._client.get("/personal_access_tokens/self")
        except (NotFound, NotAuthorized):
            return Finding(name, "note", "It does not tell its scopes (an OAuth or old token).")
        scopes = [str(item) for item in token.get("scopes") or []]
        if "api" not in scopes:
            told = f"Its scopes are {', '.join(scopes) or 'none'}; retries and comments need api."
            return Finding(name, "wrong", told, "Make a token with the scope api.")
        return _age(name, token.get("expires_at"))

    async def _hooks(self, project: str) -> list[Finding]:
        name = f"gitlab hook {project}"
        path = f"/projects/{quote(project, safe='')}/hooks"
        try:
            hooks = await self._client.list(path, limit=MAX_HOOKS)
        except (NotFound, NotAuthorized):
            told = "The token may not see the webhooks, so they cannot be looked at."
            return [
                Finding(name, "note", told, "Make it a Maintainer's, if you want them watched.")
            ]
        ours = [hook for hook in hooks if _url(hook).endswith(RECEIVER_PATH)]
        if not ours:
            return [Finding(name, "note", "It has no webhook of its own that leads here.")]
        return [_hook(name, hook) for hook in ours]


def _age(name: str, expires_at: object) -> Finding:
    try:
        ends = date.fromisoformat(str(expires_at))
    except ValueError:
        return Finding(name, "ok", "It has the scope api and does not run out.")
    left = ends - datetime.now(UTC).date()
    if left <= SOON:
        return Finding(
            name,
            "note" if left > timedelta() else "wrong",
            f"It runs out on {ends}.",
            "Make a new one and set PIPELINE_GUARD_GITLAB_TOKEN.",
        )
    return Finding(name, "ok", f"It has the scope api and lasts until {ends}.")


def _url(hook: Json) -> str:
    return str(hook.get("url") or "").rstrip("/")


def _hook(name: str, hook: Json) -> Finding:
    url, edit = _url(hook), "Edit it at the project's Settings → Webhooks"
    missing = [words for key, words in EVENTS.items() if not hook.get(key)]
    if missing:
        return Finding(
            name, "wrong", f"{url}: {', '.join(missing)} are not sent.", f"{edit} and tick them."
        )
    alert = hook.get("alert_status")
    if alert not in (None, "executable"):
        return Finding(
            name,
            "wrong",
            f"{url}: GitLab has put it off after failures ({alert}, until"
            f" {hook.get('disabled_until') or 'somebody tests it'}).",
            f"See that GitLab reaches it and that the secrets are equal. {edit}: Test.",
        )
    if hook.get("enable_ssl_verification") is False and url.startswith("https:"):
        return Finding(
            name, "note", f"{url}: certificates are not checked.", f"{edit}: enable SSL."
        )
    return Finding(name, "ok", f"{url} is set and working.")
