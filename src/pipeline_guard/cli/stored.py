"""What commands about stored things share: a transaction to read them in, a list, one or none."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from pipeline_guard.cli.environment import load_settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

Found = TypeVar("Found")
Columns = Mapping[str, Callable[[Any], str]]
"""Headings of a table, each with what stands below it of an item."""


def in_store(work: "Callable[[AsyncSession], Awaitable[Found]]") -> Found:
    """What `work` returns of one transaction on the database of the settings."""
    from pipeline_guard.cli import runtime  # noqa: PLC0415

    async def run(url: str) -> Found:
        async with runtime.open_database(url) as database, database.transaction() as session:
            return await work(session)

    with runtime.database_url(load_settings()) as url:
        found: Found = runtime.run(run(url))
    return found


def show_list(noun: str, items: Sequence[Any], columns: Columns, *, as_json: bool) -> None:
    """Items of the API as JSON, or as a table with these columns."""
    from pipeline_guard.cli import runtime  # noqa: PLC0415

    if as_json:
        runtime.print_json([item.model_dump() for item in items])
        return
    rows = [[told(item) for told in columns.values()] for item in items]
    runtime.print_table(f"{len(items)} {noun}", list(columns), rows)


def show_one(
    noun: str, group: str, number: int, found: Any, story: Callable[[Any], str], *, as_json: bool
) -> None:
    """One item of the API as JSON or told as a story; without one, as `there` says."""
    from pipeline_guard.cli import runtime  # noqa: PLC0415

    item = there(found, noun, number, group)
    if as_json:
        runtime.print_json(item.model_dump())
    else:
        typer.echo(story(item))


def there(found: Found | None, noun: str, number: int, group: str) -> Found:
    """What was found; otherwise it ends with 1 and says where to look."""
    if found is not None:
        return found
    typer.echo(f"There is no {noun} {number}. See: pipeline-guard {group} list", err=True)
    raise typer.Exit(1)
