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
        ('{"Action":"fail","Package":"cart","Test":"TestAdd/two","Elapsed":0}', "TestAdd/two"),
        ("ERROR cart-test - too few tests run (expected 13, got 8)", "cart-test"),
        ("2) total(org.example.CartTest)", "total(org.example.CartTest)"),
        ("  Running the tests in ‘tests/cart.R’ failed.", "tests/cart.R"),
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
        ("Cart::when empty#test_0002_is free [a_test.rb:1]:", "Cart::when empty#test_0002_is free"),
        ("CartTest#test_adds [test/cart_test.rb:12]:", "CartTest#test_adds"),
        ("\t  7 - sync (Timeout)", "sync"),
        ("tests/test_a.py::test_b[x] FAILED                [ 33%]", "tests/test_a.py::test_b[x]"),
        ("[gw0] [ 33%] FAILED tests/test_a.py::test_x ", "tests/test_a.py::test_x"),
        ("FAIL: test_x (pkg.mod.Case.test_x) (i=3)", "test_x (pkg.mod.Case.test_x) (i=3)"),
        ("✖ adds prices (1.2345ms)", "adds prices"),
        ("  ✖ cart › adds prices", "cart › adds prices"),
        ("adds prices ... FAILED (5ms)", "adds prices"),
        ("adds prices => ./cart_test.ts:12:6", "adds prices"),
        (
            "Chrome Headless 119.0.0.0 (Linux x86_64) CartComponent should add prices FAILED",
            "CartComponent should add prices",
        ),
        ("HeadlessChrome 78.0.3904 (Linux 0.0.0) Cart adds FAILED", "Cart adds"),
        ("Firefox 70.0 (Ubuntu 0.0.0): Cart adds FAILED", "Cart adds"),
        ("crystal spec spec/cart_spec.cr:12 # Cart adds", "spec/cart_spec.cr:12 # Cart adds"),
        ("test_total(CartTest) [test/cart_test.rb:12]:", "test_total(CartTest)"),
        ("Failure: test_total(CartTest)", "test_total(CartTest)"),
        ("1) CartCest: Adds prices", "CartCest: Adds prices"),
        ("FAIL Bug #1234 (x) [ext/std/tests/bug.phpt] ", "Bug #1234 (x) [ext/std/tests/bug.phpt]"),
        (
            "cucumber features/cart.feature:12 # Scenario: adds",
            "features/cart.feature:12 # Scenario: adds",
        ),
        ("1) Scenario: adds # features/cart.feature:12", "adds # features/cart.feature:12"),
        ("  features/cart.feature:12  adds", "features/cart.feature:12 adds"),
        (" 3/9 Test  #3: cart_tests .......................***Failed    0.02 sec", "cart_tests"),
        ("10/12 Test #10: a.b ....***Exception: SegFault  0.02 sec", "a.b"),
        ('../t/c.cpp(18): error: in "cart/adds": check x has failed', "cart/adds"),
        ("FAIL: LLVM :: CodeGen/X86/foo.ll (123 of 4567)", "LLVM :: CodeGen/X86/foo.ll"),
        ("FAIL: //cart:cart_test (see /root/x/test.log)", "//cart:cart_test"),
        ("FAIL: t/parse-error", "t/parse-error"),
        ("FAIL: gcc.dg/foo.c (test for excess errors)", "gcc.dg/foo.c (test for excess errors)"),
        ("FAIL: cart.test 3 - adds", "cart.test 3 - adds"),
        ("  Failed TotalAddsPrices [21 ms]", "TotalAddsPrices"),
        ("  Failed Acme.A.Adds(a: 1, b: 2) [< 1 ms]", "Acme.A.Adds(a: 1, b: 2)"),
        ("  Failed adds two prices [1 s]", "adds two prices"),
        (
            "[xUnit.net 00:00:00.52]     Acme.Tests.CartTests.Total [FAIL]",
            "Acme.Tests.CartTests.Total",
        ),
        ("1) Failed : Acme.Tests.CartTests.Total", "Acme.Tests.CartTests.Total"),
        ("  1) cart_tests:total_test/0", "cart_tests:total_test"),
        ("cart_tests: total_test...*failed*", "cart_tests: total_test"),
        ("%%% cart_SUITE ==> adds_prices: FAILED", "cart_SUITE ==> adds_prices"),
        ("- adds prices *** FAILED ***", "adds prices"),
        ("[error]   x adds prices", "adds prices"),
        (
            "==> X cart.CartSuite.adds prices  0.031s munit.ComparisonFailException: x",
            "cart.CartSuite.adds prices",
        ),
        (
            '✘ Test "adds prices" recorded an issue at C.swift:9:5: Expectation failed',
            "adds prices",
        ),
        ("✘ Test addsPrices() failed after 0.001 seconds with 1 issue.", "addsPrices()"),
        ("t/cart.t (Wstat: 256 Tests: 3 Failed: 1)", "t/cart.t"),
        ("t/cart.t (Wstat: 256 (exited 1) Tests: 3 Failed: 1)", "t/cart.t"),
        ("{0} nova.tests.test_a.Case.test_b [0.12s] ... FAILED", "nova.tests.test_a.Case.test_b"),
        ("adds prices: Test Failed at /home/ci/test/runtests.jl:12", "adds prices"),
        ("── Failure ('test-cart.R:12:3'): adds prices ───────────", "adds prices"),
        ("── Error (test-cart.R:12:3): adds prices ───", "adds prices"),
        ("── 1. Failure: adds prices (@test-cart.R#12)  ─────", "adds prices"),
        ("FAIL in (adds-prices) (cart_test.clj:12)", "adds-prices"),
        ("ERROR in (adds-prices) (Numbers.java:188)", "adds-prices"),
        ("  adds prices:                   FAIL", "adds prices"),
        ('  To rerun use: --match "/Cart/total/adds prices/" --seed 3', "Cart/total/adds prices"),
        ("### Failure in: 0:adds prices", "0:adds prices"),
        ("error: 'main.test.adds prices' failed: expected 4, found 5", "main.test.adds prices"),
        ("[FAIL]        cart          0   adds prices.", "cart 0 adds prices"),
        ("Failure → spec/cart_spec.lua @ 12", "spec/cart_spec.lua @ 12"),
        ("cart_test:adds  ->  failed: 5 != 4  [0.01s]", "cart_test:adds"),
        ("  X TotalAddsPrices [134ms]", "TotalAddsPrices"),
        ("failed Shop.CartTests.Adds (1s 220ms)", "Shop.CartTests.Adds"),
        ("features/cart.feature:3 # Scenario: adds", "features/cart.feature:3 # Scenario: adds"),
        ("t/cart.t  (Wstat: 512 Tests: 0 Failed: 0)", "t/cart.t"),
        ("Failure -> spec/cart_spec.lua @ 12", "spec/cart_spec.lua @ 12"),
        ("adds prices: Error During Test at /home/ci/test/runtests.jl:12", "adds prices"),
        ("  7. Failure (at test-cart.r#144): adds prices ---", "adds prices"),
        ("##teamcity[testFailed name='adds |'it|'' message='4 != 5']", "adds |'it|'"),
        ("test/test_cart.c:12:test_adds:FAIL: Expected 4 Was 5", "test_adds"),
        ("tests/cart.cpp:12: error: Failure in TEST(Cart, AddsPrices)", "Cart, AddsPrices"),
        ("cart_check.c:21:F:core:test_adds:0: Assertion failed", "test_adds"),
        ("FAIL!  : TestCart::adds() Compared values are not the same", "TestCart::adds()"),
        ("[  FAILED  ] test_adds", "test_adds"),
        ("[FAIL. Reason: assertion failed] testAdds() (gas: 8123)", "testAdds()"),
        ('  run "adds_prices"... fail', "adds_prices"),
        ("data.shop.test_adds: FAIL (1.2ms)", "data.shop.test_adds"),
        ("12 of 40 FAIL 3 not_null_cart_id ......... [FAIL 3 in 0.12s]", "not_null_cart_id"),
        ("    ✗ testAdds, XCTAssertEqual failed", "testAdds"),
        ("test boolean                  ... FAILED", "boolean"),
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
        "✖ 3 problems (3 errors, 0 warnings)",
        "✖   subject may not be empty [subject-empty]",
        "FAIL: 0",
        "# FAIL:  1",
        "✘ Test run with 12 tests failed after 0.014 seconds with 1 issue.",
        "Chrome Headless 119.0.0.0 (Linux x86_64): Executed 31 of 31 (1 FAILED) (1.2 secs)",
        "[error] x.scala:3: error",
        "  [FAILED] Expected",
        "  Failed: 1",
        "Total tests: 2 Failed [1]",
        "error: in file x",
        "[ERROR] Failed to execute goal x [1 s]",
        "  config:          FAILED",
        "ERROR in (webpack)",
        "test result: FAILED. 1 passed",
        "FAILED tests in 3s",
        "error: 'cart' undeclared (first use in this function)",
        "  Failed to restore a.csproj (in 3 sec).",
        "FAIL",
        "FAIL: failed to do it",
        "make: *** [x] Error 1 (ignored)",
        "a.cpp:3: ERROR: x",
        "npm ERR! Test failed.",
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


def _names(text: str) -> tuple[str, ...]:
    found = TestNames()
    found.feed(Chunk(text.encode(), 1))
    return found.names()


_CATCH2 = f"""\
{"-" * 79}
adds prices
  with a voucher
{"-" * 79}
tests/cart_test.cpp:14
{"." * 79}

tests/cart_test.cpp:18: FAILED:
  REQUIRE( total(cart) == 4 )
with expansion:
  5 == 4

tests/cart_test.cpp:19: FAILED:
  CHECK( false )

"""


def test_catch2_names_the_case_above_its_first_failure() -> None:
    head = "-" * 79
    other = f"{head}\nempty cart\n{head}\nC:\\t\\cart_test.cpp(24)\n{'.' * 79}\n\n"
    assert _names(_CATCH2) == ("adds prices",)
    assert _names(_CATCH2 + other + "C:\\t\\cart_test.cpp(30): FAILED:\n") == (
        "adds prices",
        "empty cart",
    )
    assert _names("tests/cart_test.cpp:18: FAILED:\n") == ()


def test_jasmine_names_a_test_above_its_message() -> None:
    said = "Failures:\n1) Cart adds up\n  Message:\n    Expected 4 to be 5.\n  Stack:\n"
    assert _names(said) == ("Cart adds up",)
    assert _names("Mail sent\n  Message:\n    1) hello\n") == ()


def test_doctest_names_the_case_above_its_failures_and_not_one_that_only_talks() -> None:
    said = """\
tests/a.cpp:14:
TEST CASE:  talks

tests/a.cpp:18: MESSAGE: hello

tests/a.cpp:24:
TEST CASE:  adds prices
  of an empty cart

tests/a.cpp:30: ERROR: CHECK( total(cart) == 4 ) is NOT correct!
  values: CHECK( 5 == 4 )

tests/a.cpp:31: FATAL ERROR: REQUIRE( false ) is NOT correct!
"""
    assert _names(said) == ("adds prices",)


def test_each_name_once_and_not_without_end() -> None:
    log = [f"FAILED tests/test_a.py::test_{number % 80}" for number in range(500)]
    found = failed_tests(log)
    assert len(found) == MAX_NAMES
    assert len(set(found)) == MAX_NAMES


def test_a_hostile_log_costs_little() -> None:
    names = TestNames()
    names.feed(Chunk(b"FAILED " * 100_000 + b"\n" + b"FAILED x\n" * 200_000, 1))
    assert names.names() == ()


def test_a_test_that_minitest_left_out_has_not_failed() -> None:
    log = """\
  1) Skipped:
CartTest#test_taxes [test/cart_test.rb:30]:
not yet

  2) Failure:
CartTest#test_adds [test/cart_test.rb:12]:
Expected: 4
"""
    names = TestNames()
    names.feed(Chunk(log.encode(), 1))
    assert names.names() == ("CartTest#test_adds",)
