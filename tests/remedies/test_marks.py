"""A flaky test is marked once, by its framework's own means, and the rest of its file stays."""

import ast

import pytest

from pipeline_guard.remedies.edits.base import Unfit
from pipeline_guard.remedies.marks import find_test, single_test

REASON = "flaky, in quarantine until 2026-12-05; owner: @acme/core"
PYTHON = '''\
"""Sums."""

from __future__ import annotations

import os


def test_sum():
    assert 1 + 1 == 2


class TestCart:
    @pytest.mark.parametrize("a", [1])
    async def test_total(self, a):
        """Text with def test_total(self, a): in it."""


def test_total():
    pass
'''
JS = "import { it } from 'vitest'\n\ndescribe('cart', () => {\n  it('adds (a, b)', () => {\n  })\n  it('adds', () => {})\n})\n"  # noqa: E501
GO = "package cart\n\nfunc TestAdd(t *testing.T) {\n\tif 1 != 1 {\n\t}\n}\n\nfunc TestAddAll(tt *testing.T) {\n}\n"  # noqa: E501
JAVA = "package com.acme;\n\nimport org.junit.jupiter.api.Test;\n\nclass CartTest {\n    @Test\n    void adds() {\n    }\n}\n"  # noqa: E501


def marked(name: str, text: str, files=()):
    place = find_test(name, files)
    return place.paths, place.mark(text, place.names, REASON)


def test_pytest_keeps_running_the_test():
    paths, after = marked("tests/test_sum.py::test_sum", PYTHON)
    assert paths == ("tests/test_sum.py",)
    mark = f'@pytest.mark.xfail(strict=False, reason="{REASON}")\n'
    expected = PYTHON.replace("def test_sum", f"{mark}def test_sum")
    assert after == expected.replace("import os", "import pytest\nimport os")
    ast.parse(after)


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("tests/a.py::TestCart::test_total[1-x]", '    @pytest.mark.parametrize("a", [1])\n'),
        ("tests/a.py::test_total", "def test_total():\n"),
    ],
)
def test_pytest_finds_methods_by_their_class(name, before):
    _, after = marked(name, PYTHON)
    lines = after.split("\n")
    at = next(i for i, line in enumerate(lines) if "xfail" in line)
    assert lines[at + 1] + "\n" == before
    assert after.count("xfail") == 1


def test_vitest_jest_go_and_junit_can_only_leave_it_out():
    _, js = marked("src/cart.test.ts > cart > adds", JS)
    assert js == JS.replace("  it('adds',", f"  // {REASON}\n  it.skip('adds',")
    paths, go = marked("TestAdd", GO, ("pkg/cart_test.go", "pkg/cart.go"))
    assert paths == ("pkg/cart_test.go",)
    assert go == GO.replace(
        "TestAdd(t *testing.T) {\n", f'TestAdd(t *testing.T) {{\n\tt.Skip("{REASON}")\n'
    )
    for name in ("adds(com.acme.CartTest)", "com.acme.CartTest > adds()", "com.acme.CartTest.adds"):
        paths, java = marked(name, JAVA)
        assert paths == ("src/test/java/com/acme/CartTest.java",)
        assert java == JAVA.replace(
            "import org", "import org.junit.jupiter.api.Disabled;\nimport org"
        ).replace("    void", f'    @Disabled("{REASON}")\n    void')


def test_jest_tells_a_test_and_its_file_apart():
    name, files = single_test(("cart › adds", "src/cart.test.js"), ("src/cart.js",))
    paths, after = marked(name, JS, files)
    assert paths == ("src/cart.test.js",)
    assert "it.skip('adds'," in after
    assert single_test(("cart › adds", "cart › takes", "src/cart.test.js"), ()) is None
    assert single_test(("src/cart.test.js",), ()) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tests/a.py::test_gone", PYTHON),
        ("tests/a.py::TestCart", PYTHON),
        ("tests/a.py::test_sum", "def test_sum(:\n"),
        ("tests/a.py::test_sum", "def test_sum(): pass\ndef test_sum(): pass\n"),
        ("tests/a.py::test_sum", "@pytest.mark.xfail\ndef test_sum(): pass\n"),
        ("src/a.test.ts > gone", JS),
        ("src/a.test.ts > adds", JS + JS),
        ("com.acme.CartTest.adds", JAVA.replace("org.junit.jupiter.api.Test", "org.junit.Test")),
    ],
)
def test_what_is_not_written_down_once_is_not_marked(name, text):
    with pytest.raises(Unfit):
        marked(name, text)


@pytest.mark.parametrize(
    "name", ["● cart › adds", "TestAdd/sub", "../x.py::test_a b", "a.py::test; rm", "TestAdd"]
)
def test_a_name_that_tells_too_little_has_no_place(name):
    assert find_test(name, ()) is None
