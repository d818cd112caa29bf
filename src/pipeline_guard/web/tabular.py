"""Comma-separated values that no spreadsheet calculates."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from fastapi import Response

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets take for the start of a formula."""


def csv_line(cells: Iterable[object]) -> str:
    """One line; texts are made inert, numbers stay as they are."""
    line = io.StringIO()
    csv.writer(line).writerow([inert(item) if isinstance(item, str) else item for item in cells])
    return line.getvalue()


def inert(cell: str) -> str:
    """Names come from outside: no spreadsheet may calculate them."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def csv_file(name: str, columns: Sequence[str], rows: Iterable[Iterable[object]]) -> Response:
    """A whole table as a file to keep."""
    text = "".join([csv_line(columns), *map(csv_line, rows)])
    kept = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=kept)
