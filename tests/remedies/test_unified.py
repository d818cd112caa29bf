"""Diffs apply exactly, to the very file they mean, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_guard.remedies.unified import (
    UnusableDiff,
    apply_hunks,
    place,
    read_diff,
    written,
)

HEAD = "--- a/f\n+++ b/f\n"


def applied(before: str | bytes, hunks: str) -> str:
    raw = before if isinstance(before, bytes) else before.encode()
    (change,) = read_diff(HEAD + hunks)
    return apply_hunks(raw, change.hunks).decode()


@pytest.mark.parametrize(
    ("before", "hunks", "after"),
    [
        ("a\nb\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n", "a\nB\nc\n"),
        ("a\r\nb\r\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B\n", "a\r\nB\r\n"),
        ("a\nb", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+B\n", "a\nB\n"),
        ("a\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B\n\\ No newline at end of file\n", "a\nB"),
        ("a  \nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B\n", "a  \nB\n"),
        ("a\n\f\nb\n", "@@ -1,3 +1,3 @@\n a\n \f\n-b\n+c\n", "a\n\f\nc\n"),
        ("a\n", "@@ -1,1 +1,2 @@\n a\n+b\n", "a\nb\n"),
        ("a\nb\n", "@@ -1,2 +1,1 @@\n-a\n b\n", "b\n"),
        ("1\n2\n3\n4\n", "@@ -1 +1 @@\n-1\n+x\n@@ -4 +4 @@\n-4\n+y\n", "x\n2\n3\ny\n"),
        ("a\nb\n", "@@ -1,0 +2,1 @@\n+x\n", "a\nx\nb\n"),
    ],
)
def test_a_diff_applies_and_keeps_what_it_does_not_name_byte_for_byte(before, hunks, after):
    assert applied(before, hunks) == after


@pytest.mark.parametrize(
    ("before", "hunks"),
    [
        ("a\nc\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B\n"),
        ("x\na\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B\n"),
        ("a\n", "@@ -1,2 +1,2 @@\n a\n-b\n+B\n"),
        ("a\nb\n", "@@ -7,1 +7,1 @@\n-b\n+B\n"),
        ("a\nb\nc\nd\n", "@@ -3 +3 @@\n-c\n+C\n@@ -1 +1 @@\n-a\n+A\n"),
        (b"\xff\xfea\n", "@@ -1 +1 @@\n-a\n+b\n"),
        (b"a\0\n", "@@ -1 +1 @@\n-a\n+b\n"),
    ],
)
def test_one_line_that_is_otherwise_and_nothing_applies(before, hunks):
    with pytest.raises(UnusableDiff):
        applied(before, hunks)


TEXT = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0")), max_size=12)


@given(TEXT, TEXT, st.booleans())
def test_what_we_write_is_read_back_to_the_same_file(old, new, ends):
    before = ("\n".join(old) + ("\n" if ends else "")).encode()
    after = ("\n".join(new) + ("\n" if ends else "")).encode()
    text = written({"f": (before, after)})
    parts = read_diff(text)
    result = apply_hunks(before, parts[0].hunks) if parts else before
    assert result == after


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("src/cart.py", "src/cart.py"),
        ("./src/cart.py", "src/cart.py"),
        ("b/src/cart.py", "src/cart.py"),
        ("new/main.tf", "main.tf"),
        ("main.tf.orig", "main.tf"),
        ("/home/runner/work/shop/shop/src/cart.py", "src/cart.py"),
        ("/builds/acme/shop/src/cart.py:after", "src/cart.py"),
        ("till.py", "web/till.py"),
        ("../src/cart.py", "src/cart.py"),
    ],
)
def test_a_file_is_found_by_the_names_that_tools_give_it(name, path):
    (change,) = read_diff(f"--- {name}\n+++ {name}\n@@ -1 +1 @@\n-a\n+b\n")
    assert place(change, ["src/cart.py", "main.tf", "web/till.py", "web/cart.js"]) == path


def test_a_folder_of_the_file_is_no_side_of_the_diff():
    (change,) = read_diff("--- src/cart.py\n+++ src/cart.py\n@@ -1 +1 @@\n-a\n+b\n")
    assert place(change, ["src/cart.py", "cart.py"]) == "src/cart.py"


@pytest.mark.parametrize(
    "name", ["cart.py", "/etc/passwd", '"src/c\\303.py"', "src/cart.pyc", "py"]
)
def test_a_name_that_fits_no_file_or_two_is_refused(name):
    (change,) = read_diff(f"--- {name}\n+++ {name}\n@@ -1 +1 @@\n-a\n+b\n")
    with pytest.raises(UnusableDiff):
        place(change, ["src/cart.py", "web/cart.py"])


@pytest.mark.parametrize(
    "text",
    [
        "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n",
        "--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n",
        "--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n-a\n+b\n",
    ],
)
def test_whole_files_and_half_hunks_are_refused(text):
    with pytest.raises(UnusableDiff):
        read_diff(text)
