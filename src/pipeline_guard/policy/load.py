"""Reads guard.yaml and a repository's file, and says exactly where and how one is wrong."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from pydantic import ValidationError

from pipeline_guard.errors import ConfigError
from pipeline_guard.policy.schema import REPOSITORY_FILE, GuardFile, Keys, RepositoryFile
from pipeline_guard.yamlfile import Document, mistakes, problems_of, read_yaml

MAX_BYTES: Final = 64 * 1024
"""A policy is a page; a file of a repository must not cost a worker its memory."""

Shape = TypeVar("Shape", bound=Keys)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Shape]):
    """A policy file that holds: what it says, its name, and where each part of it stands."""

    name: str
    says: Shape
    document: Document


@dataclass(frozen=True, slots=True)
class Broken:
    """A policy file that does not hold: its name and each problem as `file:line:column: text`."""

    name: str
    problems: tuple[str, ...]


def parse(name: str, raw: bytes, shape: type[Shape]) -> Loaded[Shape] | Broken:
    """Read a file's bytes as that shape; an empty file says nothing and is fine."""
    if len(raw) > MAX_BYTES:
        return Broken(name, (f"{name}:1:1: larger than {MAX_BYTES >> 10} KB",))
    try:
        document = read_yaml(raw.decode())
    except UnicodeDecodeError as error:
        return Broken(name, (f"{name}:1:1: not UTF-8 at byte {error.start}",))
    if document.problems:
        return Broken(name, tuple(problems_of(name, document)))
    value = {} if document.value is None else document.value
    try:
        return Loaded(name, shape.model_validate(value), document)
    except ValidationError as error:
        return Broken(name, tuple(mistakes(name, document, shape, error)))


def load_guard_file(path: Path) -> Loaded[GuardFile]:
    """The operator's file; raises ConfigError with every problem of it."""
    return _whole(_read(path, GuardFile))


def check_file(path: Path) -> Loaded[GuardFile] | Loaded[RepositoryFile]:
    """Read a policy file of either kind, told apart by its name; raises ConfigError."""
    if path.name == REPOSITORY_FILE:
        return _whole(_read(path, RepositoryFile))
    return load_guard_file(path)


def load_repository_file(path: Path) -> Loaded[RepositoryFile]:
    """A repository's file from the disk; raises ConfigError with every problem of it."""
    return _whole(_read(path, RepositoryFile))


def _read(path: Path, shape: type[Shape]) -> Loaded[Shape] | Broken:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        return Broken(str(path), (f"{path}:1:1: cannot be read: {error.strerror or error}",))
    return parse(str(path), raw, shape)


def _whole(found: Loaded[Shape] | Broken) -> Loaded[Shape]:
    if isinstance(found, Broken):
        raise ConfigError("\n".join(found.problems))
    return found
