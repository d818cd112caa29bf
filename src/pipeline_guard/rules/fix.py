"""What a rule may say about mending: edits of named files, with the rule's captures in them."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline_guard.domain.changes import Edit, Scalar
from pipeline_guard.search.patterns import problem_of

CAPTURED: Final = re.compile(r"[\w.@+:~^<>=!,/-]{1,120}")
"""What a captured text must look like to be written into a file: log text is anybody's."""
_NAMES: Final = re.compile(r"\{(\w+)\}")
Text = Annotated[str, Field(min_length=1, max_length=500)]


class FixEdit(BaseModel):
    """One edit, in the first of `files` that it fits: `set`, `bound` or `replace`."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    files: Annotated[tuple[Text, ...], Field(min_length=1, max_length=10)]
    set_: Annotated[Text | None, Field(alias="set")] = None
    """A dotted key of a YAML file, which gets `value`."""
    value: bool | int | float | Text | None = None
    bound: Text | None = None
    """A dependency by its name, which gets the constraint `to`."""
    to: Text | None = None
    replace: Text | None = None
    """A pattern (RE2), whose matches become `with`."""
    with_: Annotated[str | None, Field(alias="with", max_length=500)] = None

    @model_validator(mode="after")
    def _is_one_edit(self) -> Self:
        pairs = {
            "set": (self.set_, self.value),
            "bound": (self.bound, self.to),
            "replace": (self.replace, self.with_),
        }
        given = [name for name, pair in pairs.items() if pair != (None, None)]
        if len(given) != 1 or None in pairs[given[0]]:
            raise ValueError("give one of: set and value, bound and to, replace and with")
        if self.replace is not None and (problem := problem_of(self.replace)):
            raise ValueError(f"replace: {problem}")
        for file in self.files:
            if file.startswith(("/", "~")) or ".." in file.split("/") or "\\" in file:
                raise ValueError(f"files: {file!r} is not a path inside the repository")
        return self

    def used(self) -> set[str]:
        """The captures that it uses."""
        texts = (*self.files, self.set_, self.bound, self.to, self.with_, self.value)
        return {name for text in texts if isinstance(text, str) for name in _NAMES.findall(text)}

    def filled(self, captures: Mapping[str, str]) -> Edit | None:
        """The edit with the captured texts in it, None where one is not fit to be written."""
        for name in self.used():
            captured = captures.get(name, "")
            if not CAPTURED.fullmatch(captured) or ".." in captured:
                return None

        def fill(text: str) -> str:
            return _NAMES.sub(lambda match: captures[match[1]], text)

        files = tuple(fill(file) for file in self.files)
        if self.set_ is not None and self.value is not None:
            value: Scalar = fill(self.value) if isinstance(self.value, str) else self.value
            return Edit("set", files, {"key": fill(self.set_), "value": value})
        if self.bound is not None and self.to is not None:
            return Edit("bound", files, {"package": fill(self.bound), "to": fill(self.to)})
        params: dict[str, Scalar] = {"pattern": self.replace or "", "text": fill(self.with_ or "")}
        return Edit("replace", files, params)
