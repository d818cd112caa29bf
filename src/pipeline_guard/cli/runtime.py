"""What commands that touch the store share: the database, started when it is our own."""

import contextlib
import getpass
import os
import signal
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import TYPE_CHECKING, Any

import typer

from pipeline_guard.errors import StoreUnavailable

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline_guard.settings import Settings
    from pipeline_guard.store.embedded import EmbeddedPostgres
    from pipeline_guard.store.session import Database

PIPED_WIDTH = 2000
"""Characters before a line is broken where no screen is."""
KEEP_ALIVE_SECONDS = 2.0
"""How often our own server is looked at while it is used."""


@contextlib.contextmanager
def database_url(settings: "Settings", *, quiet: bool = False) -> Iterator[str]:
    """The database to use: DATABASE_URL, or our own, started and brought up to date.

    Sets up logging, too, and lets SIGTERM end the block like an exit, so that our own server is
    not left behind. Raises ConfigError when the schema of a given database is too old, or where
    ours cannot be.
    """
    from pipeline_guard.cli import logging_setup  # noqa: PLC0415

    logging_setup.configure(settings, quiet=quiet)
    signal.signal(signal.SIGTERM, _leave)
    from pipeline_guard.store import migrate  # noqa: PLC0415

    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        migrate.check(url)
        yield url
        return
    from pipeline_guard.store.embedded import EmbeddedPostgres  # noqa: PLC0415

    server = EmbeddedPostgres(settings.data_dir)
    ended = threading.Event()
    try:
        try:
            url = server.start()
        except OSError as error:
            from pipeline_guard.settings import unusable  # noqa: PLC0415

            raise unusable(settings.data_dir, error) from error
        migrate.upgrade(url)
        threading.Thread(target=_keep_alive, args=(server, ended), daemon=True).start()
        yield url
    finally:
        ended.set()
        server.release()


def _keep_alive(server: "EmbeddedPostgres", ended: threading.Event) -> None:
    """Start our own server again when it was killed; what came in meanwhile got a 503."""
    while not ended.wait(KEEP_ALIVE_SECONDS):
        with contextlib.suppress(StoreUnavailable):  # its leftovers may need a moment to go
            server.revive()


def _leave(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


@contextlib.asynccontextmanager
async def open_database(url: str) -> AsyncIterator["Database"]:
    """The store, closed at the end."""
    from pipeline_guard.store.session import Database  # noqa: PLC0415

    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on uvloop where it exists."""
    import asyncio  # noqa: PLC0415

    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


def actor() -> str:
    """Who the audit names for what a command does: the account of this machine."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # an id without an account, as containers have
        return f"cli:{os.getuid()}"


def print_json(data: Any) -> None:
    """Data as JSON on stdout, for the next program."""
    import orjson  # noqa: PLC0415

    typer.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2, default=str).decode())


def print_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Rows as a table for people; when piped without lines, a row a line, for grep and awk."""
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    out = console()
    table = Table(
        *columns,
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD if out.is_terminal else None,
        pad_edge=False,
    )
    for row in rows:
        # As text, so that brackets in names are not read as markup.
        table.add_row(*(Text(cell) for cell in row))
    out.print(table)


def console() -> "Console":
    """Where tables go: as wide as the terminal, or plain and wide enough for all when piped."""
    from rich.console import Console  # noqa: PLC0415

    made = Console()
    return made if made.is_terminal else Console(width=PIPED_WIDTH, no_color=True)
