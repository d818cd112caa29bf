"""What the fake GitHub remembers: hooks, their deliveries with every try, and lists of runs."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.fakes.github import shapes
from tests.fakes.github.world import HookDelivery, Run

if TYPE_CHECKING:
    from tests.fakes.github.api import Api
    from tests.fakes.github.server import FakeGitHub

APP_HOOK = "/app/hook"


def ago(**span: float) -> str:
    """A moment of the past as GitHub writes it."""
    return (datetime.now(UTC) - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


def add_hook(fake: "FakeGitHub", repo: str, url: str = "https://guard.example/webhooks/github"):
    """A repository's webhook; returns the path of its list."""
    number = fake.world.next_id()
    fake.world.hooks.setdefault(repo, {})[number] = url
    return f"/repos/{repo}/hooks/{number}"


def record(
    fake: "FakeGitHub", event: str, run: Run, status: int, *,
    base: str = APP_HOOK, action: str = "completed", at: str | None = None,
) -> HookDelivery:  # fmt: skip
    """A delivery about a run that GitHub tried, and what it was answered."""
    headers, body = fake.webhook(event, run, action=action)
    made = HookDelivery(
        fake.world.next_id(), headers["x-github-delivery"], base, event, action, status,
        at or ago(minutes=10), headers, body,
    )  # fmt: skip
    fake.world.deliveries.append(made)
    return made


class Deliveries:
    """The endpoints over them."""

    def __init__(self, api: "Api") -> None:
        self._api = api

    def routes(self, repo: str) -> list[tuple[str, str, Callable[..., Any], str]]:
        number, listed = "(?P<number>\\d+)", f"{repo}/hooks/(?P<hook>\\d+)/deliveries"
        return [
            ("GET", "/app/hook/config", self.config, "app"),
            ("GET", "/app/hook/deliveries", self.deliveries, "app"),
            ("POST", f"/app/hook/deliveries/{number}/attempts", self.attempt, "app"),
            ("GET", f"{repo}/hooks", self.hooks, "repository_hooks:read"),
            ("GET", listed, self.deliveries, "repository_hooks:read"),
            ("POST", f"{listed}/{number}/attempts", self.attempt, "repository_hooks:write"),
            ("GET", f"{repo}/actions/runs", self.runs, "actions:read"),
        ]

    def hooks(self, asked: Any, repo: str) -> Any:
        mine = self._api.world.hooks.get(repo, {})
        given = self._api.world.hook_settings
        events = ["workflow_run", "workflow_job", "issue_comment"]
        found = [
            {"id": number, "active": True, "events": events,
             "last_response": {"code": None, "status": "unused", "message": None},
             **given.get(number, {}),
             "config": {"url": url, "content_type": "json", "insecure_ssl": "0"}
             | given.get(number, {}).get("config", {})}
            for number, url in mine.items()
        ]  # fmt: skip
        return self._api.paged(asked, found)

    def config(self, asked: Any) -> Any:
        return 200, {"content_type": "json", "url": self._api.world.app_settings.get("url", "")}, {}

    def deliveries(self, asked: Any, repo: str | None = None, hook: str | None = None) -> Any:
        """Newest first, in pages that a cursor begins; a page number means nothing here."""
        base = f"/repos/{repo}/hooks/{hook}" if hook else APP_HOOK
        mine = [item for item in self._api.world.deliveries if item.base == base]
        mine.sort(key=lambda item: (item.delivered_at, item.id), reverse=True)
        start = next(
            (n for n, item in enumerate(mine) if f"v1_{item.id}" == asked.query.get("cursor")), 0
        )
        size = int(asked.query.get("per_page", "30"))
        page, rest = mine[start : start + size], mine[start + size :]
        more = f'<{asked.url}?per_page={size}&cursor=v1_{rest[0].id}>; rel="next"' if rest else ""
        shape = [
            {"id": item.id, "guid": item.guid, "delivered_at": item.delivered_at,
             "redelivery": item.redelivery, "duration": 0.1, "status_code": item.status_code,
             "status": "OK" if item.status_code < 400 else "Bad Gateway", "event": item.event,
             "action": item.action, "installation_id": 1, "repository_id": 1}
            for item in page
        ]  # fmt: skip
        return 200, shape, {"link": more} if more else {}

    def attempt(self, asked: Any, number: str, repo: str = "", hook: str = "") -> Any:
        world = self._api.world
        found = next((item for item in world.deliveries if item.id == int(number)), None)
        if found is None:
            return 404, {"message": "Not Found"}, {}
        again = HookDelivery(
            world.next_id(), found.guid, found.base, found.event, found.action, 0,
            ago(seconds=0), found.headers, found.body, redelivery=True,
        )  # fmt: skip
        world.deliveries.append(again)
        world.outbox.append(again)
        return 202, {}, {}

    def runs(self, asked: Any, repo: str) -> Any:
        home = self._api.world.repos.get(repo)
        if home is None:
            return 404, {"message": "Not Found"}, {}
        wanted, since = asked.query.get("status"), asked.query.get("created", ">=").lstrip(">=")
        found = [
            run for run in home.runs.values()
            if wanted in (None, run.status, run.conclusion) and run.created_at >= since
        ]  # fmt: skip
        found.sort(key=lambda run: run.id, reverse=True)
        base = self._api.base
        listed = [shapes.workflow_run(base, run) for run in found]
        return self._api.paged(asked, listed, "workflow_runs")
