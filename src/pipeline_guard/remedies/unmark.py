"""Takes our own mark off a test again; pure functions of a test file's text.

What is not as we wrote it is somebody's, and stays: a mark is found by its whole reason, and the
result must be the text that the mark was put on, or for Python the same program without it.
"""

import ast
from collections.abc import Iterator, Sequence

from pipeline_guard.remedies.edits.base import Unfit
from pipeline_guard.remedies.marks import MarkPlace, defined_test, mark_pytest, parsed

_JUNIT_IMPORT = "import org.junit.jupiter.api.Disabled;"


def unmark(text: str, place: MarkPlace, reason: str) -> str:
    """The file without the mark that has this reason; raises Unfit where there is none of ours."""
    if place.mark is mark_pytest:
        return _without_decorator(text, place.names, reason)
    for before in _candidates(text, reason):
        try:
            if place.mark(before, place.names, reason) == text:
                return before
        except Unfit:
            continue
    raise Unfit("The mark is not there as we wrote it.")


def _without_decorator(text: str, names: Sequence[str], reason: str) -> str:
    tree = parsed(text)
    node = defined_test(tree.body, names)
    ours = [item for item in node.decorator_list if _is_ours(item, reason)]
    if len(ours) != 1:
        raise Unfit("The mark is not there as we wrote it.")
    lines = text.split("\n")
    # A formatter may have broken the mark into several lines.
    del lines[ours[0].lineno - 1 : ours[0].end_lineno]
    after = "\n".join(lines)
    node.decorator_list.remove(ours[0])
    if _told(after) != ast.dump(tree):
        raise Unfit("Taking the mark out would change something else.")
    return _without_import(after, tree)


def _is_ours(item: ast.expr, reason: str) -> bool:
    if not isinstance(item, ast.Call) or ast.unparse(item.func) != "pytest.mark.xfail":
        return False
    return any(
        word.arg == "reason" and isinstance(word.value, ast.Constant) and word.value.value == reason
        for word in item.keywords
    )


def _told(text: str) -> str:
    try:
        return ast.dump(ast.parse(text))
    except SyntaxError:
        return ""


def _without_import(text: str, tree: ast.Module) -> str:
    """Without `import pytest`, if nothing else in the file speaks of it."""
    imports = [
        node
        for node in tree.body
        if isinstance(node, ast.Import) and [item.name for item in node.names] == ["pytest"]
    ]
    lines = text.split("\n")
    at = [i for i, line in enumerate(lines) if line.rstrip("\r") == "import pytest"]
    if len(imports) != 1 or len(at) != 1 or text.count("pytest") != 1:
        return text
    del lines[at[0]]
    return "\n".join(lines)


def _candidates(text: str, reason: str) -> Iterator[str]:
    """Texts that the mark may have been put on, those without an import of ours first."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if reason not in line:
            continue
        rest = lines[:number] + lines[number + 1 :]
        if number < len(rest) and ".skip(" in rest[number]:
            rest[number] = rest[number].replace(".skip(", "(", 1)
        without = [item for item in rest if item.rstrip("\r") != _JUNIT_IMPORT]
        if "@Disabled" not in "\n".join(without):
            yield "\n".join(without)
        yield "\n".join(rest)
