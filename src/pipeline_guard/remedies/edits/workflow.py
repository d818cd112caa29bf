"""Sets one key of a YAML file and leaves every other byte, comments included, as it was."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pipeline_guard.domain.changes import Scalar
from pipeline_guard.remedies.edits.base import Unfit

_PLAIN: Final = re.compile(r"[A-Za-z][\w./@-]*")
"""Text that YAML takes as text without quotes, in any of its versions, but for the words below."""
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_KEY: Final = re.compile(r"[A-Za-z_][\w-]*")


def set_key(path: str, text: str, params: Mapping[str, Scalar]) -> str:
    """Give the scalar at the dotted `key` its new `value`, or add the last part of the key.

    A number in the key counts the items of a list from 0. The result is read again: anything but
    the one value that differs, by an alias for example, raises Unfit.
    """
    keys, value = str(params["key"]).split("."), params["value"]
    before = _load(path, text)
    after = _edited(path, text, keys, value)
    if _load(path, after) != _with(before, keys, value):
        raise Unfit(f"Setting {'.'.join(keys)} would change something else in {path}.")
    return after


def _load(path: str, text: str) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise Unfit(f"{path} is no YAML that can be read.") from error


def _edited(path: str, text: str, keys: list[str], value: Scalar) -> str:
    node: Node = YAML(typ="rt", pure=True).compose(text)
    *above, last = keys
    for key in above:
        found = _child(node, key)
        if found is None:
            raise Unfit(f"{path} has no {'.'.join(above)}.")
        node = found
    there = _child(node, last)
    if there is not None:
        return _replaced(path, text, there, value)
    return _inserted(path, text, node, last, value)


def _child(node: Node | None, key: str) -> Node | None:
    if isinstance(node, MappingNode):
        return next((item for name, item in node.value if name.value == key), None)
    if isinstance(node, SequenceNode) and key.isdecimal() and int(key) < len(node.value):
        found: Node = node.value[int(key)]
        return found
    return None


def _replaced(path: str, text: str, node: Node, value: Scalar) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    if not isinstance(node, ScalarNode) or node.style in ("|", ">") or start == end:
        raise Unfit(f"What stands there in {path} is no simple value.")
    return text[:start] + _written(value) + text[end:]


def _inserted(path: str, text: str, node: Node, key: str, value: Scalar) -> str:
    """The new key before the mapping's first one, in the same column."""
    if not isinstance(node, MappingNode) or node.flow_style or not node.value:
        raise Unfit(f"There is no block of keys in {path} that {key} could be added to.")
    if not _KEY.fullmatch(key):
        raise Unfit(f"{key} is no key that can be added.")
    first = node.value[0][0].start_mark
    ending = "\r\n" if "\r\n" in text else "\n"
    line = f"{key}: {_written(value)}{ending}{' ' * first.column}"
    return text[: first.index] + line + text[first.index :]


def _written(value: Scalar) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)  # what JSON quotes, YAML reads the same


def _with(data: Any, keys: list[str], value: Scalar) -> Any:
    """The data with that one value."""
    if not keys:
        return value
    first, *rest = keys
    if isinstance(data, list):
        index = int(first)
        return [*data[:index], _with(data[index], rest, value), *data[index + 1 :]]
    # A number in a key may be one in YAML, too.
    name = next((item for item in data if str(item) == first), first)
    return {**data, name: _with(data.get(name), rest, value)}
