"""Looks at what our credentials may do on GitHub, and at the webhooks that lead here."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pipeline_guard.domain.inspection import Finding
from pipeline_guard.domain.statuses import server_date
from pipeline_guard.errors import NotAuthorized, NotFound, PlatformError
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.read import text
from pipeline_guard.platforms.github.recovery import RECEIVER_PATH

Json = dict[str, Any]

NEEDED: Final = {
    "actions": "write",
    "checks": "read",
    "contents": "read",
    "metadata": "read",
    "pull_requests": "write",
}
"""An App's permissions without which the line does not work; more are asked for by remedies."""
EVENTS: Final = ("workflow_run", "workflow_job", "issue_comment")
_RANK: Final = {"read": 1, "write": 2, "admin": 3}


class Inspection:
    """See domain.inspection.Inspects."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def inspect(self, repositories: Sequence[str]) -> list[Finding]:
        """Permissions first, then webhooks."""
        if self._client.credentials.is_app:
            return await self._app()
        found = await self._scopes()
        for repository in repositories:
            found.append(await self._rights(repository))
            found += await self._hooks(repository)
        return found

    async def server_time(self) -> datetime | None:
        """By the call that costs nothing of the limit."""
        answer = await self._client.get(
            None, "/app" if self._client.credentials.is_app else "/rate_limit"
        )
        return server_date(answer.headers)

    async def _app(self) -> list[Finding]:
        app = (await self._client.get(None, "/app")).data or {}
        missing = _missing(app.get("permissions") or {})
        events = [name for name in EVENTS if name not in (app.get("events") or ())]
        slug = text(app, "slug") or "the App"
        return [
            _permissions(slug, missing),
            _events(
                "github events", events, f"Tick them at {slug}'s settings → Permissions & events."
            ),
            await self._installed(slug, text(app, "html_url")),
            await self._app_hook(),
        ]

    async def _installed(self, slug: str, url: str | None) -> Finding:
        """An App that nobody installed sees nothing."""
        pages = self._client.pages(None, "/app/installations", most=1)
        owners = [text(item, "account", "login") or "?" async for item in pages]
        if owners:
            return Finding("github App", "ok", f"{slug} is installed by {', '.join(owners)}.")
        fix = f"Install it: {url}/installations/new" if url else "Install it on repositories."
        return Finding("github App", "wrong", f"{slug} is installed nowhere yet.", fix)

    async def _app_hook(self) -> Finding:
        config = (await self._client.get(None, "/app/hook/config")).data or {}
        url = text(config, "url") or ""
        if not url.rstrip("/").endswith(RECEIVER_PATH):
            return Finding(
                "github hook",
                "wrong",
                f"The App's webhook leads to {url or 'nowhere'}.",
                f"Set its webhook URL to https://YOUR-HOST{RECEIVER_PATH}.",
            )
        tried = await self._client.get(None, "/app/hook/deliveries", per_page=1)
        newest = next(iter(tried.data or []), None)
        if not isinstance(newest, dict):
            return Finding("github hook", "note", f"{url}: nothing was delivered yet.")
        return _last("github hook", url, newest.get("status_code"), text(newest, "status"))

    async def _scopes(self) -> list[Finding]:
        """A classic token names its scopes in every answer, a fine-grained one does not."""
        answer = await self._client.get(None, "/rate_limit")
        scopes = [item.strip() for item in answer.headers.get("x-oauth-scopes", "").split(",")]
        if not any(scopes):
            return []
        if "repo" in scopes:
            return [Finding("github token", "ok", f"Its scopes are {', '.join(scopes)}.")]
        return [
            Finding(
                "github token",
                "wrong",
                f"Its scopes are {', '.join(scopes)}: private repositories and re-runs need repo.",
                "Make a token with the scope repo, or better a fine-grained one (see README).",
            )
        ]

    async def _rights(self, repository: str) -> Finding:
        name = f"github {repository}"
        try:
            data = (await self._client.get(repository, f"/repos/{repository}")).data or {}
        except (NotFound, NotAuthorized) as error:
            return Finding(
                name,
                "wrong",
                f"It cannot be read: {error}",
                "Grant the token this repository, or take its webhook away.",
            )
        rights = data.get("permissions")
        if isinstance(rights, dict) and not rights.get("push"):
            return Finding(
                name,
                "wrong",
                "We may read it, but not re-run its jobs.",
                "Give the token's owner write access, and the token Actions: read and write.",
            )
        return Finding(name, "ok", "It can be read, and its owner may write.")

    async def _hooks(self, repository: str) -> list[Finding]:
        name = f"github hook {repository}"
        try:
            hooks = [h async for h in self._client.pages(repository, f"/repos/{repository}/hooks")]
        except PlatformError as error:
            if error.worth_retry:
                raise
            told = "The token may not see the webhooks, so they cannot be looked at."
            return [
                Finding(name, "note", told, "Grant it Webhooks: read, if you want them watched.")
            ]
        ours = [
            h for h in hooks if (text(h, "config", "url") or "").rstrip("/").endswith(RECEIVER_PATH)
        ]
        if not ours:
            told = "It has no webhook of its own that leads here; its organisation may have one."
            return [Finding(name, "note", told)]
        return [_hook(name, hook) for hook in ours]


def _missing(granted: Mapping[str, str]) -> list[str]:
    return [
        f"{name}: {level}"
        for name, level in NEEDED.items()
        if _RANK.get(granted.get(name, ""), 0) < _RANK[level]
    ]


def _permissions(slug: str, missing: Sequence[str]) -> Finding:
    if not missing:
        return Finding("github permissions", "ok", f"{slug} has all it needs.")
    return Finding(
        "github permissions",
        "wrong",
        f"{slug} lacks {', '.join(missing)}.",
        "Grant them at the App's settings → Permissions & events; each installation must accept.",
    )


def _events(name: str, missing: Sequence[str], fix: str) -> Finding:
    if not missing:
        return Finding(name, "ok", f"{', '.join(EVENTS)} are sent.")
    return Finding(name, "wrong", f"{', '.join(missing)} are not sent.", fix)


def _hook(name: str, hook: Json) -> Finding:
    url, told = text(hook, "config", "url") or "", hook.get("events") or []
    edit = "Edit it at the repository's Settings → Webhooks"
    if hook.get("active") is False:
        return Finding(name, "wrong", f"{url} is switched off.", f"{edit}: tick Active.")
    if text(hook, "config", "content_type") not in (None, "json"):
        return Finding(name, "wrong", f"{url} sends forms.", f"{edit}: application/json.")
    missing = [event for event in EVENTS if event not in told and "*" not in told]
    if missing:
        return _events(name, missing, f"{edit} and tick these events.")
    if text(hook, "config", "insecure_ssl") == "1":
        return Finding(
            name, "note", f"{url}: certificates are not checked.", f"{edit}: enable SSL."
        )
    last = hook.get("last_response") or {}
    return _last(name, url, last.get("code"), text(last, "message"))


def _last(name: str, url: str, code: object, message: str | None) -> Finding:
    """How the newest delivery went; GitHub says None or 0 where there was none or no answer."""
    if not isinstance(code, int):
        return Finding(name, "ok", f"{url}: nothing was delivered yet.")
    if 200 <= code < 300:
        return Finding(name, "ok", f"{url}: the newest delivery was answered with {code}.")
    fixes = {
        401: "The secret there and PIPELINE_GUARD_GITHUB_WEBHOOK_SECRET differ.",
        404: "Set PIPELINE_GUARD_GITHUB_WEBHOOK_SECRET, or mend the path.",
    }
    told = f"{code} {message or ''}".strip() if code else (message or "no answer")
    fix = fixes.get(code, "See that GitHub reaches this address through proxy and firewall.")
    return Finding(name, "wrong", f"{url}: the newest delivery failed: {told}.", fix)
