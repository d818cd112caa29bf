"""Words keep what went wrong and lose whose project it was."""

import pytest

from pipeline_guard.classifier.features import best, marks, terms, words


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("open /home/a/x/y.py failed", "open /srv/build/77/z/q.py failed"),
        ("connect to 10.0.0.1:443 refused", "connect to 192.168.1.9:80 refused"),
        ("fetch https://one.example/a failed", "fetch https://two.example/b?c=d failed"),
        ("commit 0a1b2c3d4e5f is gone", "commit ffee99887766 is gone"),
        ("lookup cache.one.example.org failed", "lookup db.two.example.net failed"),
    ],
)
def test_what_differs_by_project_is_masked(left: str, right: str) -> None:
    assert words(left) == words(right)
    assert words(left)


def test_names_of_exceptions_are_split() -> None:
    assert words("OutOfMemoryError: heap") == ["out", "of", "memory", "error", "heap"]


def test_numbers_with_meaning_stay() -> None:
    assert words("HTTP 503 after 17 tries, exit 137") == [
        "http",
        "503",
        "after",
        "tries",
        "exit",
        "137",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "##[error]Process completed with exit code 1.",
        'The command "make" exited with 2.',
        "Cleaning up orphan processes",
        "",
    ],
)
def test_closing_remarks_say_nothing(line: str) -> None:
    assert words(line) == []


def test_pairs_never_cross_lines() -> None:
    assert [term for term in terms(["disk full", "abort now"]) if " " in term] == [
        "disk full",
        "abort now",
    ]


def test_hostile_lines_stay_small_and_fast() -> None:
    assert len(words("a/" * 100_000)) <= 60
    assert len(words("x1" * 100_000)) <= 60
    assert len(words("." * 100_000)) <= 60


def test_looks() -> None:
    assert "@frame" in marks('  File "a.py", line 3')
    assert "@place" in marks("src/a.c:12:3: error: no")
    assert "@command" in marks("$ make all")


def test_best_lines_in_order_each_wording_once() -> None:
    bags = [("a",), ("b",), ("a",), (), ("c",)]
    assert best(bags, [1.0, 3.0, 2.0, 9.0, 0.0], count=2) == [1, 2]
