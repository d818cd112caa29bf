"""The edits that a rule may name: a literal map from a kind to the pure function that does it."""

from collections.abc import Callable, Mapping
from typing import Final

from pipeline_guard.domain.changes import EditKind, Scalar
from pipeline_guard.remedies.edits import dependency, replace, workflow

Edit = Callable[[str, str, Mapping[str, Scalar]], str]
"""(path, text, parameters) to the new text; raises base.Unfit where it does not fit the file."""

EDITS: Final[dict[EditKind, Edit]] = {
    "set": workflow.set_key,
    "bound": dependency.bound,
    "replace": replace.replace,
}
