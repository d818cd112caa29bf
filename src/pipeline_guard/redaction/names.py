"""Masks secrets in names that people give: of jobs, steps, workflows, branches.

A matrix puts its values into its jobs' names, and a branch may be called after anything.
"""

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pipeline_guard.redaction.known import Known

_REMEMBERED: Final = 10_000
"""Names come again with every attempt and look at a run."""


@lru_cache(maxsize=_REMEMBERED)
def masked(name: str) -> str:
    """The name without its secrets; the same name gives the same, and so does a masked one."""
    return _known().redact(name.encode("utf-8", "replace").decode())  # re2 takes no lone surrogate


@cache
def _known() -> "Known":
    """Made with the first name, because not every command meets one."""
    from pipeline_guard.redaction.known import Known  # noqa: PLC0415

    return Known()
