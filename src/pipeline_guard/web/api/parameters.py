"""Query parameters that several nouns share."""

from typing import Annotated

from fastapi import Query

Filter = Annotated[str | None, Query(max_length=300, pattern=r"^[^\x00]*$")]
"""Keeps items whose field equals it; the database's text knows no NUL."""
