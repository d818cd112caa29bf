"""Marks one flaky test by its framework's own means; pure functions of a test file's text.

pytest's xfail keeps running the test and shows both ends; the others can only leave it out.
"""

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline_guard.remedies.edits.base import Unfit

Mark = Callable[[str, Sequence[str], str], str]
"""(text, the test's names from the outside in, the reason) to the new text; raises Unfit."""
_NAME: Final = r"[A-Za-z_]\w*"
_PYTEST: Final = re.compile(
    rf"(?P<path>[\w./+-]+\.py)::(?P<names>{_NAME}(?:::{_NAME})*)(?:\[.*\])?$"
)
_VITEST: Final = re.compile(r"(?P<path>[\w./+@-]+\.(?:test|spec)\.[cm]?[jt]sx?) > (?P<names>.+)$")
_JEST: Final = re.compile(r"(?P<names>.+ › .+)$")
_JEST_FILE: Final = re.compile(r"[\w./+@-]+\.(?:test|spec)\.[cm]?[jt]sx?")
_JUNIT: Final = re.compile(
    rf"(?:(?P<m1>{_NAME})\((?P<c1>(?:{_NAME}\.)*{_NAME})\)"
    rf"|(?P<c2>(?:{_NAME}\.)*[A-Z]\w*)(?: > |\.)(?P<m2>{_NAME})(?:\(\))?)$"
)
_GO: Final = re.compile(r"Test\w*$")


@dataclass(frozen=True, slots=True)
class MarkPlace:
    """Where a failed test may be written down, and how it is marked there."""

    paths: tuple[str, ...]
    names: tuple[str, ...]
    mark: Mark


def single_test(failed: Sequence[str], files: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """The one test that failed, and the files it may be in; None where it was none or several.

    Jest tells a test and its file as two names. `files` are those that the log names.
    """
    tests = [name for name in failed if not _JEST_FILE.fullmatch(name)]
    own = [name for name in failed if _JEST_FILE.fullmatch(name)]
    return (tests[0], (*own, *files)) if len(tests) == 1 else None


def find_test(name: str, files: Sequence[str]) -> MarkPlace | None:
    """The place of a failed test by the name its framework prints; None where it tells too little.

    `files` are those that the log names: Go and Jest print a test's file there, not in its name.
    """
    if found := _PYTEST.fullmatch(name):
        return MarkPlace((found["path"],), tuple(found["names"].split("::")), mark_pytest)
    if found := _VITEST.fullmatch(name):
        return MarkPlace((found["path"],), tuple(found["names"].split(" > ")), mark_javascript)
    if found := _JEST.fullmatch(name):
        own = tuple(path for path in files if _JEST_FILE.fullmatch(path))
        return MarkPlace(own, tuple(found["names"].split(" › ")), mark_javascript) if own else None
    if _GO.fullmatch(name):
        paths = tuple(path for path in files if path.endswith("_test.go"))
        return MarkPlace(paths, (name,), mark_go) if paths else None
    if found := _JUNIT.fullmatch(name):
        owner, method = found["c1"] or found["c2"], found["m1"] or found["m2"]
        path = f"src/test/java/{owner.replace('.', '/')}.java"
        return MarkPlace((path,), (owner.rpartition(".")[2], method), mark_junit)
    return None


def mark_pytest(text: str, names: Sequence[str], reason: str) -> str:
    """`@pytest.mark.xfail(strict=False, …)` on the test, and the import where it is missing."""
    tree = parsed(text)
    node = defined_test(tree.body, names)
    if any("xfail" in ast.unparse(item) for item in node.decorator_list):
        raise Unfit("The test is marked already.")
    lines = text.split("\n")
    first = min([node.lineno, *(item.lineno for item in node.decorator_list)]) - 1
    mark = f'@pytest.mark.xfail(strict=False, reason="{reason}")'
    lines.insert(first, f"{' ' * node.col_offset}{mark}{_ending(text)}")
    if not _imports_pytest(tree):
        lines.insert(_import_line(tree), f"import pytest{_ending(text)}")
    return "\n".join(lines)


def parsed(text: str) -> ast.Module:
    """A test file's syntax tree; raises Unfit where it is no Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Unfit("The test file is no Python that can be read.") from error


def defined_test(
    body: Sequence[ast.stmt], names: Sequence[str]
) -> ast.FunctionDef | ast.AsyncFunctionDef:
    """The test of that name, from the outside in; raises Unfit where it is not there once."""
    first, *rest = names
    found = [
        node
        for node in body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name == first
    ]
    if len(found) == 1:
        node = found[0]
        if rest and isinstance(node, ast.ClassDef):
            return defined_test(node.body, rest)
        if not rest and not isinstance(node, ast.ClassDef):
            return node
    raise Unfit("The test is not written down once in its file.")


def _imports_pytest(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Import)
        and any(item.name == "pytest" and item.asname is None for item in node.names)
        for node in tree.body
    )


def _import_line(tree: ast.Module) -> int:
    """The 0-based line for an import: before the first that is not from __future__."""
    for node in tree.body:
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (future or docstring):
            marks: list[ast.expr] = getattr(node, "decorator_list", [])
            return min([node.lineno, *(item.lineno for item in marks)]) - 1
    raise Unfit("The test file holds no test.")


def mark_javascript(text: str, names: Sequence[str], reason: str) -> str:
    """`it.skip(…)`, with the reason as a comment above; Jest and Vitest know no softer mark."""
    title = re.escape(names[-1])
    call = re.compile(
        rf"^(?P<indent>[ \t]*)(?P<call>it|test)(?P<rest>\((?P<q>['\"`]){title}(?P=q))", re.MULTILINE
    )
    return _marked(
        text,
        call,
        lambda hit: (
            f"{hit['indent']}// {reason}{_ending(text)}\n"
            f"{hit['indent']}{hit['call']}.skip{hit['rest']}"
        ),
    )


def mark_go(text: str, names: Sequence[str], reason: str) -> str:
    """`t.Skip(…)` as the first statement."""
    name = re.escape(names[-1])
    head = re.compile(rf"^func {name}\((?P<t>\w+) \*testing\.T\) \{{\r?$", re.MULTILINE)
    return _marked(
        text, head, lambda hit: f'{hit[0]}\n\t{hit["t"]}.Skip("{reason}"){_ending(text)}'
    )


def mark_junit(text: str, names: Sequence[str], reason: str) -> str:
    """`@Disabled(…)` of JUnit 5, with its import."""
    imported = re.compile(r"^import org\.junit\.jupiter\.api\.Test;", re.MULTILINE)
    head = re.compile(
        rf"^(?P<indent>[ \t]+)(?:(?:public|protected|final) )*void {re.escape(names[-1])}\s*\(",
        re.MULTILINE,
    )
    after = _marked(
        text, head, lambda hit: f'{hit["indent"]}@Disabled("{reason}"){_ending(text)}\n{hit[0]}'
    )
    name = "import org.junit.jupiter.api.Disabled;"
    if name in text:
        return after
    return _marked(after, imported, lambda hit: f"{name}{_ending(text)}\n{hit[0]}")


def _marked(text: str, pattern: re.Pattern[str], new: Callable[[re.Match[str]], str]) -> str:
    if len(pattern.findall(text)) != 1:
        raise Unfit("The test is not written down once in its file, in a way that is known here.")
    return pattern.sub(new, text)


def _ending(text: str) -> str:
    """What stands before a new line's own newline, as in the rest of the file."""
    return "\r" if "\r\n" in text else ""
