"""Keeps the rules of a running service up to date with their files."""

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline_guard.errors import ConfigError
from pipeline_guard.rules.load import RuleSet, load_rules, rule_files

Stamp = tuple[frozenset[tuple[str, int, int, int]], tuple[str, ...]]
"""The files as they are, and what cannot be looked into."""


class RuleWatcher:
    """Gives the rules in force; reads the files again when one changed, came or went.

    A set that does not load changes nothing: the old one stays in force, `problem` says why, and
    `on_problem` is called once with it.
    """

    def __init__(
        self,
        directories: Sequence[Path] = (),
        *,
        builtin: bool = True,
        on_problem: Callable[[str], None] | None = None,
    ) -> None:
        """Load the rules; raises ConfigError, for there is no old set to fall back on yet."""
        self._directories = tuple(directories)
        self._builtin = builtin
        self._on_problem = on_problem
        self._stamp = self._look()
        self._rules = load_rules(self._directories, builtin=builtin)
        self.problem: str | None = None

    def current(self) -> RuleSet:
        """Give the rules in force now; costs one `stat` a file when nothing changed."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            self._reload()
        return self._rules

    def _reload(self) -> None:
        try:
            self._rules = load_rules(self._directories, builtin=self._builtin)
        except ConfigError as error:
            self.problem = str(error)
            if self._on_problem is not None:
                self._on_problem(self.problem)
        else:
            self.problem = None

    def _look(self) -> Stamp:
        problems: list[str] = []
        found = set()
        for path in rule_files(self._directories, problems):
            try:
                stat = path.stat()
            except OSError:
                continue
            # ctime as well: who may read a file can change without its text.
            found.add((str(path), stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size))
        return frozenset(found), tuple(problems)
