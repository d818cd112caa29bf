"""The shape of a rule as people write it in YAML, checked by Pydantic."""

import hashlib
import re
from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from pipeline_guard.domain.changes import Edit
from pipeline_guard.domain.diagnosis import Category
from pipeline_guard.rules.fix import FixEdit
from pipeline_guard.search.patterns import group_names, problem_of

Strength = Literal["cause", "symptom", "verdict", "consequence"]
"""How telling a hit is: it names the cause; it points at it; the tool's closing word; or only that
something before it failed."""


SHIPPED: Final = "shipped"
"""Context of rules whose patterns our tests have tried: at each start it would take 0.1 s."""


def _checked(pattern: str, info: ValidationInfo) -> str:
    problem = None if info.context == SHIPPED else problem_of(pattern)
    if problem:
        raise ValueError(problem)
    return pattern


Pattern = Annotated[str, Field(min_length=1), AfterValidator(_checked)]


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        strict=False,
        coerce_numbers_to_str=True,  # a pattern such as 404 needs no quotes
    )


class Patterns(_Part):
    """A line hits when one of `any`, every one of `all` and none of `not` match it."""

    any: tuple[Pattern, ...] = ()
    all: tuple[Pattern, ...] = ()
    none: tuple[Pattern, ...] = Field(default=(), alias="not")

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if not self.any and not self.all:
            raise ValueError("give at least one pattern under any or all")
        return self

    def everything(self) -> tuple[str, ...]:
        """Every pattern whose groups may be captured."""
        return self.any + self.all


class Where(_Part):
    """What must hold around a hit; every condition given must."""

    step: Pattern | None = None
    platform: tuple[str, ...] = ()
    exit_code: tuple[int, ...] = ()
    tail: Annotated[int, Field(ge=1)] | None = None
    """Only the last so many lines of the log count."""
    log_has: tuple[Pattern, ...] = ()
    """One of these must match some line of the log."""
    log_lacks: tuple[Pattern, ...] = ()
    """None of these may match any line of the log."""


class RuleTests(_Part):
    """Lines that must hit and lines that must not, kept beside the rule."""

    match: Annotated[tuple[str, ...], Field(min_length=1)]
    no_match: tuple[str, ...] = ()


class Rule(_Part):
    """One rule: what to look for, what it means, and what to tell people."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,79}$")]
    category: Category
    patterns: Patterns
    tests: RuleTests
    where: Where = Where()
    strength: Strength = "cause"
    transient: bool | None = None
    """Would an unchanged re-run plausibly pass? None: as is usual for the category."""
    captures: tuple[str, ...] = ()
    """Named groups whose values belong to the fingerprint and may be used in `advice` and `fix`."""
    advice: str | None = None
    fix: Annotated[tuple[FixEdit, ...], Field(max_length=5)] = ()
    """Edits of named files that mend it; each is proposed, none is pushed."""
    link: Annotated[str, Field(pattern=r"^https?://")] | None = None
    owner: str | None = None
    expires: date | None = None
    """The last day on which the rule counts."""

    @model_validator(mode="after")
    def _captures_exist(self) -> Self:
        named = [group_names(p) for p in self.patterns.everything()] if self._names_groups else []
        known = frozenset[str]().union(*named)
        for name in self.captures:
            if name not in known:
                raise ValueError(f"captures: no pattern has a group named {name!r}")
        for name in re.findall(r"\{(\w+)\}", self.advice or ""):
            if name not in self.captures:
                raise ValueError(f"advice uses {{{name}}}, which captures does not list")
        for name in {name for edit in self.fix for name in edit.used()}:
            if name not in self.captures:
                raise ValueError(f"fix uses {{{name}}}, which captures does not list")
        return self

    @property
    def _names_groups(self) -> bool:
        return any("(?P<" in p or "(?<" in p for p in self.patterns.everything())

    @property
    def version(self) -> str:
        """A digest of what decides over its hits: it changes when the rule judges otherwise."""
        judging = {"id", "category", "patterns", "where", "strength", "transient", "captures"}
        return hashlib.sha256(self.model_dump_json(include=judging).encode()).hexdigest()[:12]

    def told(self, captures: dict[str, str]) -> str | None:
        """Give the advice with the captured values filled in."""
        if self.advice is None:
            return None
        return re.sub(r"\{(\w+)\}", lambda m: captures.get(m[1], "…"), self.advice)

    def edits(self, captures: dict[str, str]) -> tuple[Edit, ...]:
        """Its fix with the captured values filled in; none of it where one of them is unfit."""
        filled = tuple(edit.filled(captures) for edit in self.fix)
        return tuple(edit for edit in filled if edit) if all(filled) else ()


class RuleFile(_Part):
    """One YAML file: rules in the order in which they are listed and explained."""

    rules: tuple[Rule, ...]
