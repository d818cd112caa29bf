"""Which files of the repository a log line names."""

import time

import pytest

from pipeline_guard.domain.places import Place, files_in, places_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("src/shop/cart.py:12:5: F401 unused", [Place("src/shop/cart.py", 12)]),
        ("cart.go:7: undefined: total", [Place("cart.go", 7)]),
        ("  --> src/main.rs:3:9", [Place("src/main.rs", 3)]),
        ("src/app.ts(12,5): error TS2322: no", [Place("src/app.ts", 12)]),
        ('  File "shop/cart.py", line 40, in add', [Place("shop/cart.py", 40)]),
        ("FAILED tests/test_cart.py::test_add - assert 1", [Place("tests/test_cart.py")]),
        ("/home/runner/work/shop/shop/src/a.c:9:1: error", [Place("src/a.c", 9)]),
        ("/builds/acme/shop/lib/a.rb:3:in `x'", [Place("lib/a.rb", 3)]),
        (r"D:\a\shop\shop\src\App.cs(3,1): error CS1002", [Place("src/App.cs", 3)]),
        ("./src/a.js:2:1", [Place("src/a.js", 2)]),
        ("at x (node_modules/y/index.js:3:4)", []),
        ("/usr/lib/python3.12/ssl.py:12: in wrap", []),
        ('File "/usr/lib/python3/ssl.py", line 3', []),
        ("../other/a.py:3: no", []),
        ("https://example.com:443/x", []),
        ("connect to 10.0.0.1:5432 failed", []),
        ("12:30:01 it began", []),
        ("a.py:0: nothing", []),
    ],
)
def test_a_line_s_places(text, expected):
    assert places_in(text) == expected


def test_files_are_named_once_and_bounded():
    assert files_in(["a.py:1: x", "a.py:2: y b.py:3: z"]) == ("a.py", "b.py")
    assert len(files_in(f"f{number}.py:1: x" for number in range(50))) == 10


def test_a_hostile_line_takes_no_time():
    began = time.perf_counter()
    for text in ("a/" * 50_000, "a." * 50_000, "a" * 100_000 + ":1", "a/b.c" * 20_000):
        places_in(text)
    assert time.perf_counter() - began < 0.5
