"""A progress bar on stderr for long work, and only for people: a pipe or a log wants none."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Final

LEAST: Final = 2
"""Things to do; a bar for one would only flash."""


@contextlib.contextmanager
def bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Gives a function to call with how much is done; the bar is gone at the end.

    Without a total it only shows that work goes on.
    """
    if (total is not None and total < LEAST) or not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    known = (MofNCompleteColumn(), TimeRemainingColumn())
    columns = (TextColumn(what), BarColumn(), *(known if total else (TimeElapsedColumn(),)))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)
