"""Reads rules from YAML files and says exactly where and how a file is wrong."""

import functools
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from pipeline_guard.errors import ConfigError
from pipeline_guard.rules.program import Program
from pipeline_guard.rules.schema import SHIPPED, Rule, RuleFile
from pipeline_guard.yamlfile import Document, mistakes, problems_of, read_yaml

_MAX_FILE: Final = 4 << 20


SHIPPED_AS: Final = "builtin/"
"""How the places of built-in rules begin."""


@dataclass(frozen=True)
class RuleSet:
    """Rules in order, a user's before the built-in ones; `origins` gives each id's file:line."""

    rules: tuple[Rule, ...]
    origins: dict[str, str]

    @cached_property
    def program(self) -> Program:
        """The compiled form, made once."""
        return Program(self.rules)

    def is_own(self, rule_id: str) -> bool:
        """Tell whether a rule is the user's, not one that ships with the product."""
        return not self.origins.get(rule_id, SHIPPED_AS).startswith(SHIPPED_AS)

    def get(self, rule_id: str) -> Rule | None:
        """Find a rule by its id."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)


def load_rules(directories: Sequence[Path] = (), *, builtin: bool = True) -> RuleSet:
    """Load the built-in rules and those of every *.yaml and *.yml below the directories.

    A user's rule replaces the built-in one of the same id. Raises ConfigError with every problem
    of every file at once, one `file:line:column: text` a line.
    """
    problems: list[str] = []
    own, origins = _collect(_user_files(directories, problems), problems)
    if problems:
        raise ConfigError("\n".join(problems))
    if not builtin:
        return RuleSet(own, origins)
    shipped = builtin_rules()
    kept = tuple(rule for rule in shipped.rules if rule.id not in origins)
    return RuleSet(own + kept, {**shipped.origins, **origins})


@functools.cache
def builtin_rules() -> RuleSet:
    """Give the rules that ship with the product; read once, since they cannot change."""
    problems: list[str] = []
    folder = resources.files("pipeline_guard.rules") / "builtin"
    files = sorted((f.name, f) for f in folder.iterdir() if f.name.endswith(".yaml"))
    texts = ((f"{SHIPPED_AS}{name}", file.read_text("utf-8")) for name, file in files)
    rules, origins = _collect(texts, problems, SHIPPED)
    if problems:
        raise ConfigError("\n".join(problems))
    return RuleSet(rules, origins)


def rule_files(directories: Sequence[Path], problems: list[str] | None = None) -> list[Path]:
    """List the rule files below the directories, in a stable order; a file stands for itself.

    Hidden folders are left out: Kubernetes keeps the files of a ConfigMap in one, and links to
    them. What cannot be looked into is told in `problems`.
    """
    found: list[Path] = []

    def tell(error: OSError) -> None:
        if problems is not None:
            reason = f"cannot be read: {error.strerror}"
            if isinstance(error, FileNotFoundError):
                reason = "there is no such directory or file"
            problems.append(f"{error.filename}:1:1: {reason}")

    for directory in directories:
        try:
            plain = not stat.S_ISDIR(directory.stat().st_mode)
        except OSError as error:
            tell(error)
            continue
        found += [directory] if plain else sorted(_below(directory, tell))
    return found


def _below(directory: Path, tell: Callable[[OSError], None]) -> Iterator[Path]:
    for folder, inner, names in os.walk(directory, onerror=tell):
        inner[:] = [name for name in inner if not name.startswith(".")]
        paths = (Path(folder, name) for name in names)
        yield from (path for path in paths if path.suffix.lower() in (".yaml", ".yml"))


def _user_files(directories: Sequence[Path], problems: list[str]) -> Iterable[tuple[str, str]]:
    for path in rule_files(directories, problems):
        try:
            if path.stat().st_size > _MAX_FILE:
                problems.append(f"{path}:1:1: larger than {_MAX_FILE >> 20} MB")
                continue
            data = path.read_bytes()
            yield str(path), data.decode()
        except OSError as error:
            problems.append(f"{path}:1:1: cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            line, column = data.count(b"\n", 0, error.start) + 1, _column(data, error.start)
            problems.append(f"{path}:{line}:{column}: this is not UTF-8")


def _column(data: bytes, at: int) -> int:
    """The 1-based column of the byte at `at`, all before it being UTF-8."""
    return len(data[data.rfind(b"\n", 0, at) + 1 : at].decode()) + 1


def _collect(
    files: Iterable[tuple[str, str]], problems: list[str], context: str | None = None
) -> tuple[tuple[Rule, ...], dict[str, str]]:
    rules: list[Rule] = []
    origins: dict[str, str] = {}
    for name, text in files:
        document = read_yaml(text, trusted=True)
        for index, rule in enumerate(_rules_of(name, document, problems, context)):
            place = f"{name}:{document.place(('rules', index, 'id'))[0]}"
            if rule.id in origins:
                line, column = document.place(("rules", index, "id"))
                first = origins[rule.id]
                problems.append(f"{name}:{line}:{column}: id {rule.id!r} is taken by {first}")
                continue
            origins[rule.id] = place
            rules.append(rule)
    return tuple(rules), origins


def _rules_of(
    name: str, document: Document, problems: list[str], context: str | None
) -> tuple[Rule, ...]:
    problems += problems_of(name, document)
    if document.problems:
        return ()
    try:
        return RuleFile.model_validate(document.value, context=context).rules
    except ValidationError as error:
        problems += mistakes(name, document, RuleFile, error)
        return ()
