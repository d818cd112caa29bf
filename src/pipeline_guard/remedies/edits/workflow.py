"""Sets one key of a YAML file and leaves every other byte, comments included, as it was."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import ScalarEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pipeline_guard.domain.changes import Scalar
from pipeline_guard.remedies.edits.base import Unfit

_PLAIN: Final = re.compile(r"[A-Za-z][\w./@-]*")
"""Text that YAML takes as text without quotes, in any of its versions, but for the words below."""
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_KEY: Final = re.compile(r"[A-Za-z_][\w-]*")


def set_key(path: str, text: str, params: Mapping[str, Scalar]) -> str:
    """Give the scalar at the dotted `key` its new `value`, or add the last part of the key.

    A number in the key counts the items of a list from 0. Below an anchor nothing is set, since it
    would change elsewhere, too. The result is read again: its events are those of before but for
    the value or the added pair, else Unfit is raised.
    """
    *above, last = str(params["key"]).split(".")
    value = params["value"]
    before = _events(path, text)
    node = _root(path, text)
    for key in above:
        node = _child(node, key)
        if node is None:
            raise Unfit(f"{path} has no {'.'.join(above)}.")
    there = _child(node, last)
    written = _written(value)
    said = value if isinstance(value, str) else written
    if there is not None:
        after = _replaced(path, text, there, written)
        added = [_Event.of_text(said)]
        at, gone = _index(before, there), 1
    else:
        after = _inserted(path, text, node, last, written)
        added = [_Event.of_text(last), _Event.of_text(said)]
        at, gone = _index(before, node.value[0][0]) if isinstance(node, MappingNode) else 0, 0
    wanted = [*before[:at], *added, *before[at + gone :]]
    if [item.same for item in _events(path, after)] != [item.same for item in wanted]:
        raise Unfit(f"Setting {last} would change something else in {path}.")
    return after


@dataclass(frozen=True, slots=True)
class _Event:
    """One event of a YAML file: what of it must stay the same, and where it began."""

    same: tuple[Any, ...]
    start: int = -1

    @classmethod
    def of(cls, event: Any) -> "_Event":
        """A value's quotes do not count, as long as the text is the same."""
        if isinstance(event, ScalarEvent):
            return cls(
                ("ScalarEvent", event.value, event.anchor, event.tag), event.start_mark.index
            )
        told = (getattr(event, "anchor", None), getattr(event, "tag", None))
        return cls((type(event).__name__, *told), event.start_mark.index)

    @classmethod
    def of_text(cls, text: str) -> "_Event":
        """A scalar without anchor or tag."""
        return cls(("ScalarEvent", text, None, None))


def _events(path: str, text: str) -> list[_Event]:
    # Events, and not values: those of a file full of aliases can grow without end.
    try:
        return [_Event.of(event) for event in YAML(typ="rt", pure=True).parse(text)]
    except (YAMLError, RecursionError) as error:
        raise Unfit(f"{path} is no YAML that can be read.") from error


def _root(path: str, text: str) -> Node | None:
    try:
        root: Node | None = YAML(typ="rt", pure=True).compose(text)
    except (YAMLError, RecursionError) as error:
        raise Unfit(f"{path} is no YAML that can be read.") from error
    return root


def _index(events: list[_Event], node: Node) -> int:
    """Which event a scalar is."""
    start = node.start_mark.index
    found = (i for i, item in enumerate(events) if item.start == start)
    return next((i for i in found if events[i].same[0] == "ScalarEvent"), 0)


def _child(node: Node | None, key: str) -> Node | None:
    found: Node | None = None
    if isinstance(node, MappingNode):
        found = next((item for name, item in node.value if name.value == key), None)
    elif isinstance(node, SequenceNode) and key.isdecimal() and int(key) < len(node.value):
        found = node.value[int(key)]
    if found is not None and found.anchor:
        raise Unfit(f"{key} stands behind an anchor, so it would change elsewhere, too.")
    return found


def _replaced(path: str, text: str, node: Node, written: str) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    plain = isinstance(node, ScalarNode) and node.style not in ("|", ">") and start != end
    if not plain or text[start] in "!&*":
        raise Unfit(f"What stands there in {path} is no simple value.")
    return text[:start] + written + text[end:]


def _inserted(path: str, text: str, node: Node | None, key: str, written: str) -> str:
    """The new key before the mapping's first one, in the same column."""
    if not isinstance(node, MappingNode) or node.flow_style or not node.value:
        raise Unfit(f"There is no block of keys in {path} that {key} could be added to.")
    if not _KEY.fullmatch(key):
        raise Unfit(f"{key} is no key that can be added.")
    first = node.value[0][0].start_mark
    ending = "\r\n" if "\r\n" in text else "\n"
    line = f"{key}: {written}{ending}{' ' * first.column}"
    return text[: first.index] + line + text[first.index :]


def _written(value: Scalar) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)  # what JSON quotes, YAML reads the same
