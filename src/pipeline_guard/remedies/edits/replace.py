"""Replaces what an RE2 pattern matches in one named file."""

from collections.abc import Mapping
from typing import Final

import re2

from pipeline_guard.domain.changes import Scalar
from pipeline_guard.remedies.edits.base import Unfit

MOST: Final = 20
"""A pattern that matches more often was not meant for this file."""


def replace(path: str, text: str, params: Mapping[str, Scalar]) -> str:
    """Put `text` in place of every match of `pattern`, literally; a match stays within its line."""
    try:
        pattern = re2.compile(str(params["pattern"]))
    except re2.error as error:
        raise Unfit(f"The pattern cannot be read: {error}.") from error
    new = str(params["text"])
    lines = text.split("\n")
    found = [sum(1 for hit in pattern.finditer(line) if hit.group()) for line in lines]
    if not 1 <= sum(found) <= MOST:
        raise Unfit(f"The pattern matches {sum(found)} times in {path}; 1 to {MOST} are taken.")
    after = "\n".join(
        pattern.sub(lambda hit: new if hit.group() else "", line) if count else line
        for line, count in zip(lines, found, strict=True)
    )
    if after == text:
        raise Unfit(f"{path} says so already.")
    return after
