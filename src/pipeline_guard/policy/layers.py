"""Lays the layers of a policy over each other, key by key, and keeps where each value is from.

Within one file later layers override: the file's top, then `repositories`, then `branches`, then
`jobs`. What a repository says for itself is worked out the same way and then laid under the
operator's values as a limit: of the two, the stricter counts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from pipeline_guard.domain.plan import Mode
from pipeline_guard.policy.load import Broken, Loaded
from pipeline_guard.policy.patterns import fits_branch, fits_job, fits_repository
from pipeline_guard.policy.schema import GuardFile, Keys, Policy, RepositoryFile
from pipeline_guard.yamlfile import Document, Path

BUILT_IN: Final = "built-in"
_RANK: Final[Mapping[Mode, int]] = {"observe": 0, "suggest": 1, "act": 2}
_SECTIONS: Final = ("repositories", "branches", "jobs", "notify")


@dataclass(frozen=True, slots=True)
class Setting:
    """One value and the place it is from: `file:line:column`, a variable, or built in."""

    value: Any
    origin: str


Flat = dict[str, Setting]
"""Settings by dotted key ("budgets.reruns_per_day")."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a policy is asked for; `branch` of a request from a fork starts with "fork:"."""

    repository: str
    branch: str | None = None
    workflow: str = ""
    job: str = ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The policy in force for a target, the origin of each of its values, and remarks."""

    policy: Policy
    origins: dict[str, str]
    notes: tuple[str, ...] = ()

    def leaves(self) -> list[tuple[str, Any]]:
        """Each value by its dotted key, JSON-ready, in the order of the documentation."""
        found: list[tuple[str, Any]] = []
        values = self.policy.model_dump(mode="json", by_alias=True)
        for key in self.origins:
            group, _, leaf = key.rpartition(".")
            found.append((key, (values[group] if group else values)[leaf]))
        return found

    def explained(self) -> dict[str, Any]:
        """Values, origins and remarks as JSON-ready data."""
        return {
            "values": self.policy.model_dump(mode="json", by_alias=True),
            "origins": self.origins,
            "notes": list(self.notes),
        }


def resolve(
    guard: Loaded[GuardFile] | None,
    default_mode: Setting,
    own: Loaded[RepositoryFile] | Broken | None,
    target: Target,
) -> Resolved:
    """The policy for a target; `own` is what its repository says, if it says anything.

    A broken file of a repository leaves the operator's values in force, but for the mode, which
    falls to `suggest`: what its people meant to forbid is not known.
    """
    settings = _built_in() | {"mode": default_mode}
    if guard is not None:
        settings |= _of_guard_file(guard, target)
    notes: list[str] = []
    if isinstance(own, Broken):
        notes += own.problems
        if _RANK[settings["mode"].value] > _RANK["suggest"]:
            settings["mode"] = Setting("suggest", f"{own.name} cannot be used")
    elif own is not None:
        _tighten(settings, _of_repository_file(own, target), notes)
    origins = {key: setting.origin for key, setting in settings.items()}
    return Resolved(Policy.model_validate(_nested(settings)), origins, tuple(notes))


def _built_in() -> Flat:
    policy = Policy()
    return {key: Setting(value, BUILT_IN) for key, value in _leaves(policy, said_only=False)}


def _leaves(model: BaseModel, *, said_only: bool, prefix: str = "") -> list[tuple[str, Any]]:
    """Every value of a model by dotted key; with `said_only` those that were written down."""
    found: list[tuple[str, Any]] = []
    for name in type(model).model_fields:
        if name in _SECTIONS or (said_only and name not in model.model_fields_set):
            continue
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            found += _leaves(value, said_only=said_only, prefix=f"{prefix}{name}.")
        else:
            found.append((prefix + name, value))
    return found


def _said(name: str, document: Document, model: Keys, path: Path) -> Flat:
    """What one layer of a file says, each value with its place."""
    found: Flat = {}
    for key, value in _leaves(model, said_only=True):
        line, column = document.place((*path, *key.split(".")))
        found[key] = Setting(value, f"{name}:{line}:{column}")
    return found


def _of_guard_file(guard: Loaded[GuardFile], target: Target) -> Flat:
    says = guard.says
    entries: list[tuple[RepositoryFile | GuardFile, Path]] = [(says, ())]
    entries += [
        (entry, ("repositories", pattern))
        for pattern, entry in says.repositories.items()
        if fits_repository(target.repository, pattern)
    ]
    return _laid(guard.name, guard.document, entries, target)


def _of_repository_file(own: Loaded[RepositoryFile], target: Target) -> Flat:
    return _laid(own.name, own.document, [(own.says, ())], target)


def _laid(
    name: str,
    document: Document,
    entries: list[tuple[RepositoryFile | GuardFile, Path]],
    target: Target,
) -> Flat:
    """The entries one over the other, then all their branches, then all their jobs."""
    layers: list[tuple[Keys, Path]] = [*entries]
    for section, fits in (("branches", _fits_branch), ("jobs", _fits_job)):
        for entry, path in entries:
            for pattern, layer in getattr(entry, section).items():
                if fits(target, pattern):
                    layers.append((layer, (*path, section, pattern)))
    found: Flat = {}
    for layer, path in layers:
        said = _said(name, document, layer, path)
        if "mode" in said:
            # Who says a mode and no more has said how far a repository may raise it, too.
            said.setdefault("max_mode", said["mode"])
        found |= said
    return found


def _fits_branch(target: Target, pattern: str) -> bool:
    return target.branch is not None and fits_branch(target.branch, pattern)


def _fits_job(target: Target, pattern: str) -> bool:
    return any(fits_job(name, pattern) for name in (target.workflow, target.job) if name)


_Number = TypeVar("_Number", int, float)


def _lower(ours: _Number | None, theirs: _Number | None) -> _Number | None:
    """The smaller limit; None is no limit."""
    limits = [item for item in (ours, theirs) if item is not None]
    return min(limits, default=None)


def _together(ours: tuple[Any, ...], theirs: tuple[Any, ...]) -> tuple[Any, ...]:
    return ours + tuple(item for item in theirs if item not in ours)


def _both(ours: bool, theirs: bool) -> bool:
    return ours and theirs


def _lower_mode(ours: Mode, theirs: Mode) -> Mode:
    return min(ours, theirs, key=_RANK.__getitem__)


def _common(ours: tuple[Any, ...], theirs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(item for item in theirs if item in ours)


def _own_if_on(ours: Any, theirs: Any) -> Any:
    """The repository's own word, once the operator has said any."""
    return None if ours is None else theirs


def _own(ours: Any, theirs: Any) -> Any:
    """What is a matter of taste, in the repository's own house."""
    return theirs


STRICTER: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "enabled": _both,
    "max_reruns": _lower,
    "max_reruns_per_base": _lower,
    "min_confidence": max,
    "never_rerun": _together,
    "protected_environments": _together,
    "let_protected_start": _both,
    "categories.never": _together,
    "breadth.max_failed": _lower,
    "breadth.max_share": _lower,
    "cool_down": max,
    "backoff": max,
    "worth.green_saves": _lower,
    "worth.rerun_costs": max,
    "worth.minute_costs": max,
    "worth.hour_costs": _lower,
    "budgets.reruns_per_day": _lower,
    "budgets.minutes_per_day": _lower,
    "budgets.money_per_day": _lower,
    "maintenance": _together,
    "forks.rerun": _both,
    "forks.first_time": _both,
    "patch.mode": _lower_mode,
    "patch.max_files": _lower,
    "patch.max_lines": _lower,
    "patch.pipelines": _both,
    "quarantine.mode": _lower_mode,
    "quarantine.on_branches": _own,
    "quarantine.proven": max,
    "quarantine.days": _lower,
    "debug_last_rerun": _own,
    "other_runner.input": _own_if_on,
    "other_runner.label": _own_if_on,
    "other_runner.categories": _common,
    "issue.enabled": _both,
    "issue.on_branches": _own,
    "issue.after": max,
    "issue.quiet_days": max,
    "issue.labels": _own,
    "issue.title": _own,
    "issue.body": _own,
    "label.enabled": _both,
    "label.prefix": _own,
    "cancel.enabled": _both,
}
"""By key: of the operator's value and the repository's, what is the stricter (mode apart)."""


def _tighten(settings: Flat, own: Flat, notes: list[str]) -> None:
    for key, asked in own.items():
        if key == "max_mode":
            continue
        limit = settings[key]
        if key == "mode":
            value: Any = _capped_mode(settings, asked.value)
        else:
            value = STRICTER[key](limit.value, asked.value)
        if value == asked.value:
            settings[key] = asked
        elif value != limit.value:  # of both: a list has grown, or the mode went part of the way
            settings[key] = Setting(value, f"{limit.origin} and {asked.origin}")
        if STRICTER.get(key) is not _together and value != asked.value:
            notes.append(f"{asked.origin}: {key}: only {_word(value)} is allowed here.")


def _capped_mode(settings: Flat, asked: Mode) -> Mode:
    """A repository may lower the mode, and raise it as far as the operator lets it."""
    ceiling: Mode = settings["max_mode"].value or settings["mode"].value
    return asked if _RANK[asked] <= _RANK[ceiling] else ceiling


def _word(value: Any) -> str:
    if value is None or value == ():
        return "nothing"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _nested(settings: Flat) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, setting in settings.items():
        group, _, leaf = key.rpartition(".")
        (found.setdefault(group, {}) if group else found)[leaf] = setting.value
    return found
