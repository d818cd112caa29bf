"""The fields of a form that a page sent."""

from typing import Final
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request

_MOST_FIELDS: Final = 100
KIND: Final = "application/x-www-form-urlencoded"


def is_form(request: Request) -> bool:
    """Was it sent by an HTML form?"""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == KIND


async def fields(request: Request) -> dict[str, str]:
    """The fields by their names, of several alike the last; empty for what is no form.

    Raises 400 for one that cannot be read; the application itself refuses what is over the limit.
    """
    if not is_form(request):
        return {}
    try:
        body = (await request.body()).decode()
        pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise HTTPException(400, "The form cannot be read.") from None
    return dict(pairs)
