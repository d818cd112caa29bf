"""What counts as a diff that the job printed, from the tools' own ways of printing one."""

import time

import pytest

from pipeline_guard.logs.diffs import MAX_CHARS, PrintedDiffs
from pipeline_guard.logs.read import Chunk
from pipeline_guard.logs.redact import Redactor

HUNK = "@@ -1,2 +1,2 @@\n a = 1\n-b=2  \n+b = 2\n"
HEADERS = {
    "ruff": "--- shop/cart.py\n+++ shop/cart.py\n",
    "black": "--- shop/cart.py\t2026-11-01 10:00:00.1 +0000\n+++ shop/cart.py\t2026-11-01 10:00\n",
    "gofmt": "diff cart.go.orig cart.go\n--- cart.go.orig\n+++ cart.go\n",
    "terraform": "main.tf\n--- old/main.tf\n+++ new/main.tf\n",
    "pre-commit": "diff --git a/x.py b/x.py\nindex 1f2e..3a4b 100644\n--- a/x.py\n+++ b/x.py\n",
    "clang-format": "--- src/a.cc\t(before formatting)\n+++ src/a.cc\t(after formatting)\n",
}


def found(text: str, size: int = 1 << 20, before: str = "Run it\n", part: str | None = None):
    diffs, redactor = PrintedDiffs(), Redactor()
    lines = (before + text).encode().splitlines(keepends=True)
    chunk, number = b"", 1
    for line in lines:
        if chunk and len(chunk) + len(line) > size:
            diffs.feed(Chunk(chunk, number, part))
            chunk = b""
        chunk += line
    redactor.observe((before + text).encode())
    diffs.feed(Chunk(chunk, number, part))
    return diffs.found(redactor)


@pytest.mark.parametrize("tool", HEADERS)
@pytest.mark.parametrize("size", [1, 40, 1 << 20])
def test_each_tools_diff_is_kept_as_it_is_however_the_log_is_cut(tool, size):
    header = "".join(
        line for line in HEADERS[tool].splitlines(True) if line[:4] in ("--- ", "+++ ")
    )
    text = HEADERS[tool] + HUNK + "1 file would be reformatted\n"
    assert found(text, size).diff == header + HUNK


def test_times_and_colours_of_the_platform_go_and_trailing_blanks_stay():
    lines = (HEADERS["ruff"] + HUNK).splitlines()
    github = "".join(f"2026-11-01T10:00:00.1234567Z \x1b[31m{line}\x1b[0m\n" for line in lines)
    gitlab = "".join(f"2026-11-01T10:00:00.123456Z 01O {line}\n" for line in lines)
    assert found(github).diff == found(gitlab).diff == HEADERS["ruff"] + HUNK


def test_several_files_and_hunks_are_kept_and_what_stands_between_is_not():
    other = HEADERS["ruff"].replace("cart", "till") + HUNK + HUNK.replace("-1,2 +1,2", "-9,2 +9,2")
    assert found(HEADERS["ruff"] + HUNK + "checking till.py\n" + other).diff == (
        HEADERS["ruff"] + HUNK + other
    )


def test_a_missing_newline_at_the_end_is_kept():
    text = HEADERS["ruff"] + HUNK + "\\ No newline at end of file\n"
    assert found(text).diff == text


@pytest.mark.parametrize(
    "text",
    [
        HEADERS["ruff"] + HUNK.rsplit("\n", 2)[0] + "\n",
        HEADERS["ruff"] + HUNK.replace("-b=2  \n", "##[error]no\n"),
        HEADERS["ruff"] + HUNK.replace("b = 2", "b = 2\ufffd"),
        HEADERS["ruff"] + HUNK.replace("b = 2", "key = 'AKIAIOSFODNN7REALKEY'"),
        HEADERS["ruff"] + "@@ -1,9000 +1,9001 @@\n" + " x = 12345678901234567890\n" * 12_000,
    ],
    ids=["cut", "mixed", "broken text", "secret", "huge"],
)
def test_what_is_not_whole_or_holds_a_secret_is_of_no_use_and_says_so(text):
    result = found(text)
    assert result.diff == ""
    (note,) = result.notes
    assert note.endswith("it is not used.")


@pytest.mark.parametrize(
    "text",
    [
        "+++ set -e\n++ echo @@ -1\n",
        "--- expected\n+++ actual\nno hunk\n",
        "@@ -1,2 +1,2 @@\n a\n-b\n+c\n",
        "--- a\n+++ b\n@@@ -1,2 -1,2 +1,3 @@@\n",
    ],
)
def test_what_only_looks_like_a_diff_is_none(text):
    assert found(text).diff == ""
    assert found(text).notes == ()


def test_the_limit_is_larger_than_any_patch_that_policy_lets_through():
    assert MAX_CHARS >= 5000 * 50


@pytest.mark.parametrize(
    "line", ["+++ x\n@@ -1 no hunk\n", "--- a\n+++ a\n@@ -1 +1 @@\n-a\n+b\n", "+++ x\n"]
)
def test_a_hostile_log_is_given_up_instead_of_read_closely(line):
    diffs, data = PrintedDiffs(), line.encode() * (250_000 // len(line))
    start = time.process_time()
    for number in range(40):
        diffs.feed(Chunk(data, number + 1))
    assert time.process_time() - start < 3.0
    assert diffs.found(Redactor()).diff == ""
