"""Reads YAML that people write: every value with its place, every mistake told with file:line."""

import difflib
import re
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Final, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

_FAST_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml where the wheel has it: the built-in rules load ten times faster with it."""
_CONSTANTS: Final[dict[str, Any]] = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "false": False,
}
_SHAPES: Final = {
    "tuple_type": "a list is needed here",
    "list_type": "a list is needed here",
    "dict_type": "keys and values are needed here",
    "model_type": "keys and values are needed here",
    "model_attributes_type": "keys and values are needed here",
}
"""Pydantic's words for these are Python's, which people who write YAML need not know."""
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
"""What `int` reads and writes alike: `007`, `1_000` and digits of other scripts stay text."""
_DEEPEST: Final = 40
_MOST_VALUES: Final = 200_000
"""Aliases let a few lines stand for millions of values; no file of people comes near this."""

Path = tuple[str | int, ...]


class _Overgrown(Exception):
    """The document unfolds to more than any honest file holds."""


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


def read_yaml(text: str, *, trusted: bool = False) -> Document:
    """Read one document; syntax errors and duplicate keys become problems of it, not exceptions.

    Only YAML 1.2's words for true, false and null are special, so that a pattern `no` stays text.
    `trusted` is for files of the operator: libyaml is fast, but takes the process down with it
    when brackets are nested some ten thousand deep.
    """
    document = Document()
    try:
        node = yaml.compose(text, Loader=_FAST_LOADER if trusted else yaml.SafeLoader)
        if node is not None:
            document.value = _value(document, node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        document.problems.append((*place, f"not YAML: {error.problem or error.context}"))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = (before.count("\n") + 1, error.position - before.rfind("\n"))
        document.problems.append((*place, f"not YAML: {error.reason}"))
    except yaml.YAMLError as error:
        document.problems.append((1, 1, f"not YAML: {error}"))
    except (_Overgrown, RecursionError):
        document.problems.append((1, 1, "nested too deeply, or too large with its aliases"))
    return document


def _value(document: Document, node: Any, path: Path) -> Any:
    if len(path) > _DEEPEST or len(document.marks) > _MOST_VALUES:
        raise _Overgrown
    document.marks.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        return _mapping(document, node, path)
    if isinstance(node, yaml.SequenceNode):
        return [_value(document, item, (*path, i)) for i, item in enumerate(node.value)]
    return _scalar(node)


def _mapping(document: Document, node: Any, path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        place = (key.start_mark.line + 1, key.start_mark.column + 1)
        if not isinstance(key, yaml.ScalarNode):
            document.problems.append((*place, "a key must be a word, not a list or more keys"))
            continue
        name = str(key.value)
        if name in found:
            document.problems.append((*place, f"the key {name!r} is written twice"))
        document.marks[(*path, name)] = place
        found[name] = _value(document, value, (*path, name))
    return found


def _scalar(node: Any) -> Any:
    text: str = node.value
    if node.style:  # quoted or a block: text, whatever it looks like
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    return int(text) if _NUMBER.fullmatch(text) else text


def problems_of(name: str, document: Document) -> list[str]:
    """What is wrong with the YAML itself, one `file:line:column: text` each."""
    return [f"{name}:{line}:{column}: {text}" for line, column, text in document.problems]


def mistakes(
    name: str, document: Document, model: type[BaseModel], error: ValidationError
) -> list[str]:
    """What the model found wrong, one `file:line:column: key: text` each, with suggestions."""
    return [_told(name, document, model, detail) for detail in error.errors()]


def _told(name: str, document: Document, model: type[BaseModel], detail: Any) -> str:
    path = tuple(detail["loc"])
    line, column = document.place(path)
    where = ".".join(str(part) for part in path) or "the file"
    return f"{name}:{line}:{column}: {where}: {_message(model, path, detail)}"


def _message(model: type[BaseModel], path: Path, detail: Any) -> str:
    kind, given = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        return f"there is no such key{meant(str(path[-1]), keys_at(model, path[:-1]))}"
    if kind == "literal_error":
        known = _choices(detail)
        return f"{given!r} is none of {', '.join(known)}{meant(str(given), known)}"
    if kind == "missing":
        return "this key is missing"
    if given is None and not path:
        return f"it is empty: it needs {' and '.join(_needed(model)) or 'keys'}"
    if kind in _SHAPES:
        return f"{_SHAPES[kind]}, not {_told_value(given)}"
    return str(detail["msg"]).removeprefix("Value error, ")


def _needed(model: type[BaseModel]) -> list[str]:
    fields = model.model_fields.items()
    return [f"`{item.alias or key}:`" for key, item in fields if item.is_required()]


def _told_value(given: Any) -> str:
    if isinstance(given, dict):
        return "keys and values"
    if isinstance(given, list):
        return "a list"
    return "nothing" if given is None else f"the single value {str(given)[:60]!r}"


def _choices(detail: Any) -> list[str]:
    return str(detail["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")


def meant(given: str, known: list[str]) -> str:
    """A question whether the nearest known word was meant, or nothing when none is near."""
    close = difflib.get_close_matches(given, known, n=1, cutoff=0.6)
    return f": did you mean {close[0]!r}?" if close else ""


def keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that may stand below a path of the model, as people write them."""
    kind: Any = model
    for part in path:
        kind = _below(_bare(kind), part)
    kind = _bare(kind)
    if not _is_model(kind):
        return []
    return [item.alias or key for key, item in kind.model_fields.items()]


def _below(kind: Any, part: str | int) -> Any:
    if _is_model(kind):
        fields = kind.model_fields.items()
        return next((item.annotation for key, item in fields if part in (key, item.alias)), None)
    inner = get_args(kind)
    if not inner:
        return None
    return inner[-1] if get_origin(kind) is dict else inner[0]


def _bare(kind: Any) -> Any:
    """The type itself of one that may be absent."""
    inner = [item for item in get_args(kind) if item is not NoneType]
    return inner[0] if len(inner) == 1 and NoneType in get_args(kind) else kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
