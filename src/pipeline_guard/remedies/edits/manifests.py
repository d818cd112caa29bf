"""Writes a dependency's constraint into each kind of manifest, and sees that nothing else moves."""

import json
import re
import tomllib
from collections.abc import Callable
from typing import Any, Final

from pipeline_guard.remedies.edits.base import Unfit

_LONGEST: Final = 1_000
"""Characters of a line; a longer one is no requirement, and slow to look at."""


def requirements(text: str, package: str, constraint: str) -> str:
    """A requirements file: one requirement a line, its extras, marker and comment kept."""
    wanted = _python(package)
    line = re.compile(
        r"(?P<name>[A-Za-z0-9][\w.-]*)(?P<extras> *\[[^\]]*\])?(?P<spec>[^;#@\\]*?)"
        r"(?P<rest>\s*(?:;[^#]*)?(?:\s#.*)?\r?)"
    )
    lines = text.split("\n")
    found = 0
    for index, item in enumerate(lines):
        match = line.fullmatch(item) if len(item) <= _LONGEST else None
        if match and _python(match["name"]) == wanted:
            lines[index] = f"{match['name']}{match['extras'] or ''}{constraint}{match['rest']}"
            found += 1
    return _once("\n".join(lines), found, package)


def pyproject(text: str, package: str, constraint: str) -> str:
    """The quoted requirements of pyproject.toml, in the project's own lists of dependencies."""
    quoted = re.compile(
        r"""(?P<quote>["'])(?P<name>[A-Za-z0-9][\w.-]*)(?P<extras>\[[^\]"']*\])?"""
        r"""(?P<spec> *[=~!<>][^;"']*?|)(?P<rest>[ ]*(?:;(?:(?!(?P=quote)).)*)?)"""
        r"""(?P=quote)(?=\s*[,\]#\r\n])"""
    )

    def written(match: re.Match[str]) -> str:
        if _python(match["name"]) != _python(package):
            return match[0]
        quote = match["quote"]
        return f"{quote}{match['name']}{match['extras'] or ''}{constraint}{match['rest']}{quote}"

    after = quoted.sub(written, text)
    return _checked(text, after, package, _toml, _is_python_requirement)


def cargo(text: str, package: str, constraint: str) -> str:
    """Cargo.toml: `name = "1"` or the version of `name = { … }` in a table of dependencies."""
    entry = re.compile(
        rf"""^(?P<head>[ \t]*{re.escape(package)}\s*=\s*(?:\{{[^}}\n]*?\bversion\s*=\s*)?")"""
        r"""(?P<spec>[^"\n]*)(?=")""",
        re.MULTILINE,
    )
    after = entry.sub(lambda match: match["head"] + constraint, text)
    return _checked(text, after, package, _toml, _is_in_dependencies)


def package_json(text: str, package: str, constraint: str) -> str:
    """package.json: the version next to the name, in the objects of dependencies."""
    entry = re.compile(rf'(?P<head>{re.escape(json.dumps(package))}\s*:\s*")(?P<spec>[^"\n]*)(?=")')
    after = entry.sub(lambda match: match["head"] + constraint, text)
    return _checked(text, after, package, _json, _is_in_dependencies)


def go_mod(text: str, package: str, constraint: str) -> str:
    """go.mod: the version after the module's path, on its `require` line."""
    entry = re.compile(
        rf"^(?P<head>(?:require[ \t]+|[ \t]+){re.escape(package)}[ \t]+)v\S+", re.MULTILINE
    )
    after, found = entry.subn(lambda match: match["head"] + constraint, text)
    return _once(after, found, package)


def _python(name: str) -> str:
    """Names of Python packages that differ in case and signs are one (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _once(after: str, found: int, package: str) -> str:
    if found != 1:
        raise Unfit(f"{package} is declared {found} times there, not once.")
    return after


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Unfit("The file is no TOML that can be read.") from error


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise Unfit("The file is no JSON that can be read.") from error


def _checked(
    before: str,
    after: str,
    package: str,
    load: Callable[[str], Any],
    allowed: Callable[[tuple[str, ...]], bool],
) -> str:
    """The new text, where it differs in values below allowed keys and in nothing else."""
    places = _differences(load(before), load(after))
    if not places:
        raise Unfit(f"{package} is not declared there, or so already.")
    if not all(allowed(place) for place in places):
        raise Unfit(f"{package} stands in other places than dependencies there.")
    return after


def _differences(old: Any, new: Any, place: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The keys down to each value that differs."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        return [at for key in old for at in _differences(old[key], new[key], (*place, str(key)))]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [at for index, (a, b) in pairs for at in _differences(a, b, (*place, str(index)))]
    return [] if old == new else [place]


def _is_python_requirement(place: tuple[str, ...]) -> bool:
    """project.dependencies, its optional ones, dependency-groups, and what a build requires."""
    return (
        place[:2] in (("project", "dependencies"), ("project", "optional-dependencies"))
        or place[:1] == ("dependency-groups",)
        or place[:2] == ("build-system", "requires")
    )


def _is_in_dependencies(place: tuple[str, ...]) -> bool:
    """Below a table or object whose name says dependencies; "overrides" are of npm's."""
    return any(key.lower().endswith("dependencies") or key == "overrides" for key in place[:-1])
