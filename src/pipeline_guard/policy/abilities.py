"""Tells what a policy asks for that no connected platform can do, before anything relies on it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline_guard.domain.capabilities import Capability
from pipeline_guard.policy.load import Loaded
from pipeline_guard.policy.schema import GuardFile, Keys, RepositoryEntry, RepositoryFile
from pipeline_guard.yamlfile import Path

Abilities = Mapping[str, frozenset[Capability]]
"""What each connected platform can do, by its name."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A value of a policy that takes a capability, and the capability in words."""

    capability: Capability
    words: str
    values: tuple[Any, ...] | None = (True,)
    """Those that ask for it; None stands for any that is written down."""

    def asked(self, said: Any) -> bool:
        """Does the value ask for it? None is none that is written down."""
        return said is not None if self.values is None else said in self.values


WISHES: Final[Mapping[str, Wish]] = {
    "issue.enabled": Wish("issues", "keep issues"),
    "label.enabled": Wish("labels", "label requests"),
    "cancel.enabled": Wish("cancel", "cancel a run"),
    "debug_last_rerun": Wish("rerun_debug", "log more in a re-run"),
    "other_runner.input": Wish("rerun_other_runner", "run anew with another runner", None),
    "patch.mode": Wish("changes", "propose changes", ("suggest", "act")),
    "quarantine.mode": Wish("changes", "propose changes", ("suggest", "act")),
}
"""By dotted key; only what a file says counts, not what is built in."""


def impossible(policy: Loaded[Any], abilities: Abilities) -> list[str]:
    """Each wish of the file that none of these platforms can fulfil, as `file:line:column: text`.

    Without any platform there is nothing to say: none is connected yet.
    """
    if not abilities:
        return []
    found = []
    for keys, path in _layers(policy.says):
        for key, wish in WISHES.items():
            said = _said(keys, key.split("."))
            able = any(wish.capability in can for can in abilities.values())
            if able or not wish.asked(said):
                continue
            place = policy.document.place((*path, *key.split(".")))
            names = " and ".join(sorted(abilities))
            cannot = "cannot" if len(abilities) == 1 else "can neither"
            found.append((place, f"{key}: {names} {cannot} {wish.words}, see docs/platforms.md"))
    return [f"{policy.name}:{line}:{column}: {text}" for (line, column), text in sorted(found)]


def _said(keys: Keys, names: Sequence[str]) -> Any:
    """The value that is written down there, None where none is."""
    here: Any = keys
    for name in names:
        if name not in here.model_fields_set:
            return None
        here = getattr(here, name)
    return here


def _layers(says: GuardFile | RepositoryFile) -> Iterator[tuple[Keys, Path]]:
    """Every part of a file that may say something, with its path."""
    parts: list[tuple[GuardFile | RepositoryFile | RepositoryEntry, Path]] = [(says, ())]
    if isinstance(says, GuardFile):
        parts += [(entry, ("repositories", name)) for name, entry in says.repositories.items()]
    for part, path in parts:
        yield part, path
        for section in ("branches", "jobs"):
            for name, keys in getattr(part, section).items():
                yield keys, (*path, section, name)
