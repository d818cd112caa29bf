"""What GitHub remembers of the past days: webhook deliveries that failed, and runs that ended red.

https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
"""

import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from pipeline_guard.domain.events import Event
from pipeline_guard.domain.recovery import DeliveryTry, FinishedRun
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.read import attempt_of, conclusion_of, text, when

Json = dict[str, Any]

ACTED_ON: Final = frozenset(
    {
        ("workflow_run", "completed"),
        ("workflow_job", "completed"),
        ("check_run", "completed"),
        ("issue_comment", "created"),
    }
)
"""The (event, action) pairs that the webhook reader makes events of."""
RECEIVER_PATH: Final = "/webhooks/github"
"""A repository's hook is ours when its address ends so."""
_MOST_PAGES: Final = 20
"""Of 100 deliveries each; what lies further back is found by the runs' list."""
_MOST_RUN_PAGES: Final = 3
_LONGEST_RUN: Final = timedelta(days=1)
"""GitHub filters runs by when they were made, not by when they ended."""
_RED: Final = ("failure", "timed_out")
_HOOKS_KEPT: Final = 3600.0
"""Seconds that a repository's hooks are remembered, also that our token may not read them."""


class Recovery:
    """Reads the deliveries of the App's hook, or of each repository's with a plain token."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, tuple[float, list[str]]] = {}

    async def tries(self, scope: str, since: datetime) -> AsyncIterator[DeliveryTry]:
        """Tries to deliver what we act on, newest first; `scope` "" is the App's own hook."""
        for base in await self._hooks(scope):
            pages = self._client.pages(scope or None, f"{base}/deliveries", most=_MOST_PAGES)
            async for item in pages:
                tried_at = when(item, "delivered_at")
                if tried_at is None or tried_at < since:
                    break
                if (item.get("event"), item.get("action")) in ACTED_ON:
                    yield _try(base, item, tried_at)

    async def redeliver(self, scope: str, handle: str) -> None:
        """Have GitHub send a delivery again, with the same id."""
        await self._client.send("POST", scope or None, f"{handle}/attempts")

    async def runs(self, repository: str, since: datetime) -> AsyncIterator[FinishedRun]:
        """Runs that ended red since then, newest first by when they were made."""
        created = f">={(since - _LONGEST_RUN).strftime('%Y-%m-%dT%H:%M:%SZ')}"
        for status in _RED:
            pages = self._client.pages(
                repository,
                f"/repos/{repository}/actions/runs",
                "workflow_runs",
                most=_MOST_RUN_PAGES,
                status=status,
                created=created,
            )
            async for item in pages:
                for run in _finished(repository, item):
                    if run.finished_at >= since:
                        yield run

    async def _hooks(self, scope: str) -> list[str]:
        """The paths of the hooks that lead here.

        Raises NotAuthorized or NotFound where the token may not read hooks, but only now and then.
        """
        if not scope:
            return ["/app/hook"]
        known = self._known.get(scope)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        until, base = time.monotonic() + _HOOKS_KEPT, f"/repos/{scope}/hooks"
        self._known[scope] = until, []
        pages = self._client.pages(scope, base, most=1)
        found = [f"{base}/{item['id']}" async for item in pages if _is_ours(item)]
        self._known[scope] = until, found
        return found


def _is_ours(hook: Json) -> bool:
    url = text(hook, "config", "url") or ""
    return hook.get("active") is not False and url.rstrip("/").endswith(RECEIVER_PATH)


def _try(base: str, item: Json, tried_at: datetime) -> DeliveryTry:
    code = item.get("status_code")
    return DeliveryTry(
        delivery_id=text(item, "guid") or "",
        handle=f"{base}/deliveries/{int(item['id'])}",
        event_name=str(item.get("event")),
        tried_at=tried_at,
        arrived=isinstance(code, int) and 200 <= code < 300,
    )


def _finished(repository: str, item: Json) -> Iterator[FinishedRun]:
    """The run as what its webhook would have said; nothing of one without id or end."""
    run_id, finished_at = item.get("id"), when(item, "updated_at")
    if not isinstance(run_id, int) or finished_at is None:
        return
    hints = {"head_sha": text(item, "head_sha"), "branch": text(item, "head_branch")}
    event = Event(
        kind="run_finished",
        platform="github",
        repository=repository,
        run_id=str(run_id),
        attempt=attempt_of(item),
        conclusion=conclusion_of(item.get("conclusion")),
        sender=text(item, "triggering_actor", "login"),
        hints={key: value for key, value in hints.items() if value is not None},
    )
    yield FinishedRun(event, f"{run_id}.{event.attempt}", finished_at)
