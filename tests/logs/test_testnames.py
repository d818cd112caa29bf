"""Names of failed tests, as each framework prints them."""

import pytest

from pipeline_guard.logs.read import Chunk
from pipeline_guard.logs.testnames import MAX_NAMES, TestNames, failed_tests


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("FAILED tests/test_a.py::test_b[x-1] - assert 1 == 2", "tests/test_a.py::test_b[x-1]"),
        ("ERROR tests/test_a.py", "tests/test_a.py"),
        ("FAIL: test_x (pkg.mod.Case)", "test_x (pkg.mod.Case)"),
        ("FAIL: pkg.tests.test_x", "pkg.tests.test_x"),
        ("  ● Cart › adds up", "Cart › adds up"),
        (" FAIL  src/a.test.ts > cart > adds up", "src/a.test.ts > cart > adds up"),
        ("FAIL src/a.test.ts (5.1 s)", "src/a.test.ts"),
        ("not ok 3 - adds numbers", "adds numbers"),
        ("    --- FAIL: TestCart/empty (0.01s)", "TestCart/empty"),
        ("adds(shop.CartTest)  Time elapsed: 0.1 sec  <<< FAILURE!", "adds(shop.CartTest)"),
        ("[ERROR] shop.CartTest.adds -- Time elapsed: 0.1 s <<< ERROR!", "shop.CartTest.adds"),
        ("[ERROR]   CartTest.adds:12 expected:<1> but was:<2>", "CartTest.adds"),
        ("shop.CartTest > adds() FAILED", "shop.CartTest > adds()"),
        ("test cart::tests::adds ... FAILED", "cart::tests::adds"),
        ("rspec ./spec/cart_spec.rb:12 # Cart adds", "./spec/cart_spec.rb:12 # Cart adds"),
        (r"1) App\Tests\CartTest::testAdds", r"App\Tests\CartTest::testAdds"),
        ("\t  3 - cart_adds (Failed)", "cart_adds"),
        ("[  FAILED  ] Cart.Adds (3 ms)", "Cart.Adds"),
        ("  Failed Shop.CartTests.Adds [12 ms]", "Shop.CartTests.Adds"),
        ("Shop.CartTests.Adds [FAIL]", "Shop.CartTests.Adds"),
        ("  1) test adds up (Shop.CartTest)", "test adds up (Shop.CartTest)"),
        ("[info] - adds up *** FAILED ***", "adds up"),
        ("TEST-UNEXPECTED-FAIL | /dom/cart.html | adds up", "/dom/cart.html"),
        ("  ● adds up", "adds up"),
        (
            "  1) [chromium] › cart.spec.ts:9:5 › cart › adds up ───────",
            "cart.spec.ts:9:5 › cart › adds up",
        ),
        ("    [chromium] › cart.spec.ts:9:5 › adds up ──────", "cart.spec.ts:9:5 › adds up"),
        ("  ✘  3 [webkit] › cart.spec.ts:9:5 › adds up (5.4s)", "cart.spec.ts:9:5 › adds up"),
        ("=== FAIL: pkg/cart TestAdds (0.00s)", "TestAdds"),
        ("  [FAIL] Cart [It] adds up", "Cart [It] adds up"),
        ("\tTestSync (9m58s)", "TestSync"),
        ("   FAILED  Tests\\CartTest > it adds up", "Tests\\CartTest > it adds up"),
        ("Adds Up                                   | FAIL |", "Adds Up"),
        ("00:04 +11 -1: counter increments [E]", "counter increments"),
        (
            " 4/9 acme:unit / parser        FAIL            0.03s   exit status 1",
            "acme:unit / parser",
        ),
        ("//cart:cart_test                  TIMEOUT in 300.0s", "//cart:cart_test"),
        ("#   Failed test 'adds up'", "adds up"),
        (" ✗ adds up", "adds up"),
        ("(fail) cart > adds up [1.20ms]", "cart > adds up"),
        ("        FAIL [   0.005s] acme-core cart::adds", "acme-core cart::adds"),
        ("CartTest#test_adds [test/cart_test.rb:12]:", "CartTest#test_adds"),
        ("\t  7 - sync (Timeout)", "sync"),
    ],
)
def test_frameworks(line: str, name: str) -> None:
    assert failed_tests([line]) == (name,)
    names = TestNames()
    names.feed(Chunk(f"noise\n2026-01-01T00:00:00.0000000Z {line}\nnoise\n".encode(), 1))
    assert names.names() == (name,)


@pytest.mark.parametrize(
    "line",
    [
        "PASSED tests/test_a.py::test_b",
        "> Task :test FAILED",
        "[  FAILED  ] 2 tests, listed below:",
        "ok 3 - adds numbers",
        "not ok 4 # TODO later",
        "Tests: 0 failed",
        "  ● Console",
        "  ✓  3 [webkit] › cart.spec.ts:9:5 › adds up (5.4s)",
        "● docker.service - Docker Application Container Engine",
    ],
)
def test_what_names_no_failed_test(line: str) -> None:
    assert failed_tests([line]) == ()


def test_mochas_titles_span_lines() -> None:
    log = [
        "  2 failing",
        "",
        "  1) Cart",
        "       when empty",
        "         adds up:",
        "",
        "  2) Till:",
    ]
    assert failed_tests(log) == ("Cart when empty adds up", "Till")


def test_each_name_once_and_not_without_end() -> None:
    log = [f"FAILED tests/test_a.py::test_{number % 80}" for number in range(500)]
    found = failed_tests(log)
    assert len(found) == MAX_NAMES
    assert len(set(found)) == MAX_NAMES


def test_a_hostile_log_costs_little() -> None:
    names = TestNames()
    names.feed(Chunk(b"FAILED " * 100_000 + b"\n" + b"FAILED x\n" * 200_000, 1))
    assert names.names() == ()
