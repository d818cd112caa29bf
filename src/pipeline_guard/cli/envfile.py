"""Writes settings into a `.env` file that only its owner may read."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from pipeline_guard.errors import ConfigError

_KEY = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=")


def assignment(name: str, value: str) -> str:
    """One line of the file; quoted so that it is read back as it is.

    Raises ConfigError for a value with a line break, which belongs into a file of its own.
    """
    if "\n" in value or "\r" in value:
        raise ConfigError(f"{name}: a value of several lines belongs into a file; give its path.")
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{name}='{escaped}'"


def merged(text: str, values: Mapping[str, str]) -> str:
    """The file's text with these values: known names are changed in place, new ones appended."""
    left = dict(values)
    lines = []
    for line in text.splitlines():
        found = _KEY.match(line)
        name = found[1] if found else ""
        if name in values:
            if name in left:
                lines.append(assignment(name, left.pop(name)))
            continue  # a second one would win over the first
        lines.append(line)
    lines += [assignment(name, value) for name, value in left.items()]
    return "\n".join(lines) + "\n"


def names(text: str) -> set[str]:
    """The names that the file sets."""
    return {found[1] for line in text.splitlines() if (found := _KEY.match(line))}


def changed(text: str, values: Mapping[str, str]) -> list[str]:
    """Which of these names the file sets to something else."""
    lines = [line.strip() for line in text.splitlines()]
    same = {name for name, value in values.items() if assignment(name, value) in lines}
    return sorted((names(text) & values.keys()) - same)


def write_private(path: Path, text: str) -> None:
    """Write the file whole or not at all, readable by its owner only.

    Raises ConfigError where it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
