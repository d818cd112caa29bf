"""What the nouns share: parameters given once, filters, the cursor, pages, a thing by its id."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, Protocol, TypeVar

from fastapi import HTTPException, Path, Query, Request
from pydantic import BaseModel

LARGEST_ID = 2**63 - 1
"""Of PostgreSQL's bigint."""

Filter = Annotated[str | None, Query(max_length=300, pattern=r"^[^\x00]*$")]
"""Keeps items whose field equals it; the database's text knows no NUL."""
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="`next` of the page before.")]
RowId = Annotated[int, Path(ge=1, le=LARGEST_ID)]


def given_once(request: Request) -> None:
    """Raise 422 for a parameter that is given twice, of which one would be passed over."""
    names = Counter(name for name, _ in request.query_params.multi_items())
    twice = [name for name, times in names.items() if times > 1]
    if twice:
        raise HTTPException(
            422, f"query.{twice[0]}: Is given {names[twice[0]]} times; once will do."
        )


class _Numbered(Protocol):
    @property
    def id(self) -> int:
        """The row's number, which orders it among the others."""


Row = TypeVar("Row", bound=_Numbered)
Out = TypeVar("Out", bound=BaseModel)
Found = TypeVar("Found")


class Page(BaseModel, Generic[Out]):
    """Items, newest first; `next` is the cursor of the following page, null on the last."""

    items: list[Out]
    next: str | None


def page_of(rows: Sequence[Row], limit: int, shape: Callable[[Row], Out]) -> Page[Out]:
    """The page that shows these rows; a full one may have another behind it."""
    more = str(rows[-1].id) if len(rows) == limit else None
    return Page(items=[shape(row) for row in rows], next=more)


def found(row: Found | None, noun: str, number: int) -> Found:
    """The row, or a 404 that says which thing there is not."""
    if row is None:
        raise HTTPException(404, f"There is no {noun} {number}.")
    return row
