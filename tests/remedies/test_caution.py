"""A patch passes checks; it does not switch them off, and touches nothing it must not."""

import pytest

from pipeline_guard.remedies.caution import harm
from pipeline_guard.remedies.unified import read_diff


def harmed(path: str, added: str, removed: str = "x = 1", *, pipelines: bool = False):
    (change,) = read_diff(f"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-{removed}\n+{added}\n")
    return harm({path: change}, pipelines=pipelines)


@pytest.mark.parametrize(
    "added",
    [
        "x = 1  # noqa: F401",
        "x = 1  # type: ignore",
        "// eslint-disable-next-line",
        "// @ts-ignore",
        "x := 1 //nolint",
        "it.skip('adds', () => {})",
        "xit('adds', () => {})",
        "@pytest.mark.skip",
        "@Disabled",
        "t.Skip()",
        "#[allow(dead_code)]",
        "continue-on-error: true",
        "run: make lint || true",
        "# pragma: no cover",
        "# ruff: noqa",
        "-- noqa",
        "#![allow(dead_code)]",
        "#[expect(unused)]",
        "it.only('adds', () => {})",
        "fdescribe('cart', () => {})",
        "xit 'adds' do",
        "@unittest.expectedFailure",
        "$this->markTestSkipped('later');",
        '[Fact(Skip = "later")]',
        "# rubocop:todo Metrics",
        "# yamllint disable",
        "#pragma warning disable CS0168",
        "//go:build ignore",
        "@skip('later')",
        "raise SkipTest",
        "it.concurrent.skip('adds', () => {})",
        "@tag :skip",
        "skip 'later'",
        "pending('later')",
        "plan skip_all => 'later';",
        "run: make lint || :",
        "run: make lint || exit 0",
        "run: make lint; exit 0",
        "assert True",
        "self.assertTrue(True)",
        "expect(true).toBe(true)",
    ],
)
def test_marks_that_tell_a_tool_to_look_away_are_not_added(added):
    assert "look away" in harmed("src/a.py", added)


@pytest.mark.parametrize(
    ("path", "added", "removed"),
    [
        ("pyproject.toml", 'ignore = ["E501"]', "x = 1"),
        ("setup.cfg", "per-file-ignores = a.py:F401", "x = 1"),
        ("web/.eslintrc.json", '"no-console": "off",', '"no-console": "error",'),
        ("pytest.ini", "addopts = --deselect tests/test_a.py", "addopts = -q"),
        (".golangci.yml", "disable-all: true", "x: 1"),
        ("phpunit.xml", "<exclude>tests/Unit</exclude>", "<x/>"),
        (".eslintignore", "src/**", ""),
        ("Makefile", "\tpytest --ignore=tests/slow", "\tpytest"),
        ("jest.config.js", "testPathIgnorePatterns: ['a']", "x: 1"),
        (".github/workflows/ci.yml", "run: pytest --ignore=tests/slow", "run: pytest"),
        (".github/workflows/ci.yml", "run: pytest -k 'not slow'", "run: pytest"),
        (".github/workflows/ci.yml", "paths-ignore: [src]", "x: 1"),
    ],
)
def test_a_tool_is_not_set_up_to_look_at_less(path, added, removed):
    assert "look at less" in harmed(path, added, removed, pipelines=True)


@pytest.mark.parametrize(
    ("path", "added"),
    [
        (".github/workflows/ci.yml", "    if: false"),
        (".github/workflows/ci.yml", "    if: ${{ false }}"),
        (".gitlab-ci.yml", "  when: never"),
        (".gitlab-ci.yml", "  when: manual"),
        ("azure-pipelines.yml", "  condition: 'false'"),
    ],
)
def test_a_part_of_a_pipeline_is_not_switched_off(path, added):
    assert "not run" in harmed(path, added, pipelines=True)
    assert harmed(path, added, added + " ", pipelines=True) is None


@pytest.mark.parametrize(
    ("removed", "added"),
    [
        ("def test_a():", "def _test_a():"),
        ("func TestA(t *testing.T) {", "func a(t *testing.T) {"),
        ("  it('adds', () => {", "  ('adds', () => {"),
        ("@Test", ""),
        ("#[test]", ""),
        ("TEST_F(Cart, Adds) {", "void f() {"),
    ],
)
def test_tests_are_not_taken_out(removed, added):
    assert "take a test out" in harmed("src/a.x", added, removed)
    assert harmed("src/a.x", f" {removed}", removed) is None


def test_steps_are_not_taken_out():
    step = "      - run: make test"
    assert "take a step out" in harmed(".github/workflows/ci.yml", "", step, pipelines=True)
    assert harmed(".github/workflows/ci.yml", f"{step} -j2", step, pipelines=True) is None


@pytest.mark.parametrize(
    ("path", "added", "removed"),
    [
        ("pyproject.toml", 'ignore = ["E501"]', 'ignore=["E501"]'),
        ("pyproject.toml", "line-length = 100", "line-length=100"),
        (".eslintrc.json", '"no-console": "error"', '"no-console":"error"'),
        ("src/a.py", "ignore = True", "x = 1"),
        ("package.json", '"jest": "^29.0.0"', '"jest":"^29.0.0"'),
        (".gitignore", "dist/", ""),
        ("src/exit.py", "fit = wait('a')", "fit=wait('a')"),
    ],
)
def test_settings_that_are_only_tidied_are_fine(path, added, removed):
    assert harmed(path, added, removed) is None


@pytest.mark.parametrize(
    "removed", ["assert a == 1", "expect(a).toBe(1)", "EXPECT_EQ(a, 1);", "t.Fatal(err)"]
)
def test_assertions_are_not_taken_out(removed):
    assert "assertion" in harmed("src/a.py", "pass", removed)


@pytest.mark.parametrize(
    ("added", "removed"),
    [
        ("x = 1  # noqa: E501", "x=1 # noqa: E501"),
        ("assert a == 1", "assert a==1"),
        ("skipped = True", "skipped=True"),
        ("assert True is x", "assert True is  x"),
        ("assert a == True", "assert a==True"),
        ("test('adds')", "test( 'adds' )"),
    ],
)
def test_what_only_moves_is_fine(added, removed):
    assert harmed("src/a.py", added, removed) is None


@pytest.mark.parametrize(
    "path", [".github/workflows/ci.yml", ".gitlab-ci.yml", ".github/actions/x/action.yml"]
)
def test_a_pipelines_definition_only_where_policy_says_so(path):
    assert "policy" in harmed(path, "x = 2")
    assert harmed(path, "x = 2", pipelines=True) is None


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../x", "a/../../x", ".git/config", "a/.git/hooks/x", ".pipeline-guard.yml"],
)
def test_never_outside_the_repository_nor_our_own_policy(path):
    assert harmed(path, "x = 2", pipelines=True) is not None
