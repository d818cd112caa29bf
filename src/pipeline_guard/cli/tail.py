"""`tail`: prints failures and incidents as they come and change."""

import contextlib
import sys
from collections import deque
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import typer

from pipeline_guard.cli.environment import load_settings

if TYPE_CHECKING:
    from pipeline_guard.store.session import Database

Described = dict[str, Any]
RECONNECT_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 15.0
"""How often the database is asked without a sign from it: a silent connection may be dead."""
AT_ONCE: Final = 500
REMEMBERED: Final = 2000
"""Changes kept in mind so that none is printed twice; `changes.since` gives some again."""
_STYLES: Final = {
    "healed": "green",
    "healing": "cyan",
    "escalated": "bold red",
    "open": "yellow",
    "probing": "cyan",
    "closed": "green",
}


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def tail(
        lines: int = typer.Option(
            10, "--lines", "-n", min=0, max=1000, help="Newest failures to begin with."
        ),
        after: int | None = typer.Option(
            None, min=0, help="Begin behind this change instead (`change` of the JSON lines)."
        ),
        repository: str | None = typer.Option(None, help="Only of this repository."),
        as_json: bool = typer.Option(False, "--json", help="One JSON object a line."),
    ) -> None:
        """Follow failures and incidents live, from any machine that reaches the database.

        When the database goes away, it waits and goes on where it was. Ctrl-C ends it.

        Example: pipeline-guard tail --repository acme/shop --json | jq .status

        Exit codes: 0 ended by you, 1 the database could not be reached at the start.
        """
        from pipeline_guard.cli import runtime  # noqa: PLC0415

        wanted = Wanted(repository, as_json)
        with runtime.database_url(load_settings()) as url, contextlib.suppress(KeyboardInterrupt):
            runtime.run(_tail(url, wanted, lines, after))


class Wanted:
    """What is printed, and how."""

    def __init__(self, repository: str | None, as_json: bool) -> None:
        from pipeline_guard.cli import runtime  # noqa: PLC0415

        self._repository = repository
        self._as_json = as_json
        self._console = runtime.console()

    def tell(self, change: int | None, kind: str, data: dict[str, Any]) -> None:
        """Print one thing as it is now; `change` is None for what was so at the start."""
        if self._repository not in (None, data.get("repository"), *data.get("repositories", ())):
            return
        if self._as_json:
            import orjson  # noqa: PLC0415

            sys.stdout.write(orjson.dumps({"change": change, "kind": kind, **data}).decode() + "\n")
        else:
            self._console.print(_line(kind, data), soft_wrap=True)
        sys.stdout.flush()


def _line(kind: str, data: dict[str, Any]) -> Any:
    from rich.text import Text  # noqa: PLC0415

    status = str(data.get("status", "gone"))
    line = Text(f"{datetime.now():%H:%M:%S}  {kind} {data['id']:<6} ")  # noqa: DTZ005 (a wall clock)
    line.append(f"{status:<10} ", style=_STYLES.get(status, ""))
    if kind == "incident":
        return line.append(str(data.get("title", "")))
    sure = f"{data['confidence']:.2f}" if "confidence" in data else ""
    attempt = data.get("run_attempt", "")
    return line.append(
        f"{data.get('category', ''):<22} {sure:<5} {data.get('repository', '')}"
        f"  {data.get('job', '')} (attempt {attempt})"
    )


async def _tail(url: str, wanted: Wanted, lines: int, after: int | None) -> None:
    from pipeline_guard.cli import runtime  # noqa: PLC0415
    from pipeline_guard.store import changes, failures  # noqa: PLC0415
    from pipeline_guard.web.api.events import TOLD  # noqa: PLC0415

    async with runtime.open_database(url) as database:
        async with database.transaction() as session:
            start = await changes.last_id(session) if after is None else after
            shown = await failures.page(session, limit=lines) if after is None and lines else ()
        for row in reversed(shown):
            wanted.tell(None, "failure", {name: getattr(row, name) for name in TOLD})
        async for told in follow(database, start):
            wanted.tell(*told)


async def follow(database: "Database", start: int) -> AsyncIterator[tuple[int, str, Described]]:
    """Every change behind `start`, for ever, as (id, kind, what it is now).

    Waits for a database that is away, and goes on behind what was told.
    """
    import asyncio  # noqa: PLC0415

    import psycopg  # noqa: PLC0415

    from pipeline_guard.errors import StoreUnavailable  # noqa: PLC0415
    from pipeline_guard.store import changes  # noqa: PLC0415
    from pipeline_guard.store.session import CONNECT_TIMEOUT  # noqa: PLC0415

    reader = _Reader(database, start)
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(
                database.url, autocommit=True, connect_timeout=CONNECT_TIMEOUT
            )
            async with connection:
                await connection.execute(f"LISTEN {changes.CHANNEL}".encode())
                while True:
                    for told in await reader.fresh():
                        yield told
                    async for _ in connection.notifies(timeout=LOOK_SECONDS, stop_after=1):
                        pass
        except (psycopg.Error, OSError, StoreUnavailable) as error:
            typer.echo(f"The database went away ({error}); waiting for it.", err=True)
            await asyncio.sleep(RECONNECT_SECONDS)


class _Reader:
    """Reads what changed since the last look, each change once."""

    def __init__(self, database: "Database", start: int) -> None:
        self._database = database
        self._last = start
        self._seen: deque[int] | None = None

    async def fresh(self) -> list[tuple[int, str, Described]]:
        """The changes not given before; raises StoreUnavailable."""
        from pipeline_guard.store import changes  # noqa: PLC0415
        from pipeline_guard.web.api.events import describe  # noqa: PLC0415

        async with self._database.transaction() as session:
            found = await changes.since(session, self._last, AT_ONCE)
            if self._seen is None:  # what the overlap gives of the time before the start
                before = (item.id for item in found if item.id <= self._last)
                self._seen = deque(before, maxlen=REMEMBERED)
            new = [item for item in found if item.id not in self._seen]
            told = [(item.id, item.kind, await describe(session, item)) for item in new]
        self._seen.extend(item.id for item in new)
        self._last = max([self._last, *(item.id for item in new)])
        return told
