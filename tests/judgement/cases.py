"""Reads the made-up failure logs: what each is, and the line that names its cause."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pipeline_guard.domain.diagnosis import Category

FOLDER = Path(__file__).parent / "cases"
_HEAD = re.compile(
    rf"=== (?P<category>{'|'.join(get_args(Category))})(?P<again> again)?"
    r" \| (?P<title>[^|]+) \|(?P<cause>.*?)\|(?P<tests>[^|]*)$"
)


@dataclass(frozen=True)
class Case:
    """One tool's output; `cause` is part of the line that names it, `again` says: re-run heals."""

    category: str
    again: bool
    title: str
    cause: str
    tests: tuple[str, ...]
    body: tuple[str, ...]


def cases() -> Iterator[Case]:
    """Every case of every file, in order; a head line begins with three equals signs."""
    for path in sorted(FOLDER.glob("*.txt")):
        head: re.Match[str] | None = None
        body: list[str] = []
        for line in [*path.read_text("utf-8").splitlines(), "=== none | end | |"]:
            found = _HEAD.match(line)
            if found is None:
                body.append(line)
                continue
            if head is not None:
                yield _case(head, body)
            head, body = found, []


def _case(head: re.Match[str], body: list[str]) -> Case:
    return Case(
        head["category"],
        head["again"] is not None,
        head["title"],
        head["cause"].strip(),
        tuple(name.strip() for name in head["tests"].split(",") if name.strip()),
        tuple(body),
    )
