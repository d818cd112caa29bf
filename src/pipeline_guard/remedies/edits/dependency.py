"""Pins or bounds one dependency in the file that its ecosystem declares dependencies in."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from pipeline_guard.domain.changes import Scalar
from pipeline_guard.remedies.edits import manifests
from pipeline_guard.remedies.edits.base import Unfit

Write = Callable[[str, str, str], str]
"""(text, package, constraint) to the new text; raises Unfit."""

_PACKAGE: Final = re.compile(r"[A-Za-z0-9@][\w./@~-]{0,200}")
_PYTHON: Final = re.compile(
    r"(?:(?:===|==|~=|!=|<=|>=|<|>) ?[\w.*+!-]+)(?:, ?(?:[=~!<>]=?=?) ?[\w.*+!-]+)*"
)
_NPM: Final = re.compile(r"(?:[\^~]|[<>]=?)?\d[\w.+-]*(?: (?:[<>]=?)\d[\w.+-]*)*")
_CARGO: Final = re.compile(r"(?:[\^~=]|[<>]=?) ?\d[\w.+-]*(?:, (?:[<>]=?) ?\d[\w.+-]*)*|\d[\w.+-]*")
_GO: Final = re.compile(r"v\d+\.\d+\.\d+[\w.+-]*")

_FILES: Final[tuple[tuple[re.Pattern[str], re.Pattern[str], Write], ...]] = (
    (re.compile(r"(?:.*[-_.])?(?:requirements|constraints)[\w.-]*\.(?:txt|in)"), _PYTHON,
     manifests.requirements),
    (re.compile(r"pyproject\.toml"), _PYTHON, manifests.pyproject),
    (re.compile(r"package\.json"), _NPM, manifests.package_json),
    (re.compile(r"go\.mod"), _GO, manifests.go_mod),
    (re.compile(r"Cargo\.toml"), _CARGO, manifests.cargo),
)  # fmt: skip
"""By file name: what a constraint looks like there, and how it is written."""


def bound(path: str, text: str, params: Mapping[str, Scalar]) -> str:
    """Give the dependency `package` the constraint `to` where the file declares it.

    The file is read again afterwards: nothing but that constraint may differ.
    """
    package, constraint = str(params["package"]), str(params["to"])
    if not _PACKAGE.fullmatch(package) or ".." in package:
        raise Unfit("That is no name of a package.")
    name = path.rpartition("/")[2]
    for files, constraints, write in _FILES:
        if files.fullmatch(name):
            if not constraints.fullmatch(constraint):
                raise Unfit(f"'{constraint[:80]}' is no constraint for {name}.")
            after = write(text, package, constraint)
            if after == text:
                raise Unfit(f"{path} says so already.")
            return after
    raise Unfit(f"{path} is no file of dependencies that is known here.")
