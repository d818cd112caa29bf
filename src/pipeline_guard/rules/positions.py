"""Reads YAML into plain values and remembers the line and column of each of them."""

from dataclasses import dataclass, field
from typing import Any, Final

import yaml

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where the wheel has it: the built-in rules load ten times faster with it."""
_CONSTANTS: Final[dict[str, Any]] = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "false": False,
}

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Document:
    """A YAML document: its value, where each part of it stands, and what is wrong with it."""

    value: Any = None
    marks: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """Path to 1-based line and column; for a key of a mapping, the place of the key."""
    problems: list[tuple[int, int, str]] = field(default_factory=list)

    def place(self, path: Path) -> tuple[int, int]:
        """Give the place of a path, or of the nearest thing around it that is written down."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, (1, 1))


def read_yaml(text: str) -> Document:
    """Read one document; syntax errors and duplicate keys become problems of it, not exceptions.

    Only YAML 1.2's words for true, false and null are special, so that a pattern `no` stays text.
    """
    document = Document()
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        document.problems.append((*place, f"not YAML: {error.problem or error.context}"))
        return document
    except yaml.YAMLError as error:
        document.problems.append((1, 1, f"not YAML: {error}"))
        return document
    if node is not None:
        document.value = _value(document, node, ())
    return document


def _value(document: Document, node: Any, path: Path) -> Any:
    document.marks.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        return _mapping(document, node, path)
    if isinstance(node, yaml.SequenceNode):
        return [_value(document, item, (*path, i)) for i, item in enumerate(node.value)]
    return _scalar(node)


def _mapping(document: Document, node: Any, path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        name, place = str(key.value), (key.start_mark.line + 1, key.start_mark.column + 1)
        if name in found:
            document.problems.append((*place, f"the key {name!r} is written twice"))
        document.marks[(*path, name)] = place
        found[name] = _value(document, value, (*path, name))
    return found


def _scalar(node: Any) -> Any:
    text: str = node.value
    if node.style is not None:  # quoted or a block: text, whatever it looks like
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    try:
        return int(text)
    except ValueError:
        return text
