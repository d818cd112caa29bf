"""A pattern's matches are replaced, literally and within their lines."""

import pytest

from pipeline_guard.remedies.edits.base import Unfit
from pipeline_guard.remedies.edits.replace import replace


@pytest.mark.parametrize(
    ("text", "pattern", "new", "after"),
    [
        ("FROM node:18\nRUN x\n", r"node:18\b", "node:22", "FROM node:22\nRUN x\n"),
        ("a 1\na 2\n", r"^a", "b", "b 1\nb 2\n"),
        ("v=1\r\n", r"\d", r"\1\g<0>{x}", "v=\\1\\g<0>{x}\r\n"),
        ("x y\n", r" y", "", "x\n"),
    ],
)
def test_every_match_is_replaced_as_the_text_says(text, pattern, new, after):
    assert replace("f", text, {"pattern": pattern, "text": new}) == after


@pytest.mark.parametrize(
    ("text", "pattern", "new"),
    [
        ("a\n", "b", "c"),
        ("a\n" * 21, "a", "b"),
        ("a\n", "a", "a"),
        ("a\n", "a*?", "b"),
        ("a\nb\n", r"a\nb", "c"),
        ("a\n", "(", "b"),
    ],
)
def test_no_match_too_many_or_nothing_new_is_refused(text, pattern, new):
    with pytest.raises(Unfit):
        replace("f", text, {"pattern": pattern, "text": new})
