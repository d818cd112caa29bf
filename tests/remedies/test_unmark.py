"""A mark of ours goes as it came, and nothing else with it."""

import pytest
from tests.remedies.test_marks import GO, JAVA, JS, PYTHON, REASON

from pipeline_guard.remedies.edits.base import Unfit
from pipeline_guard.remedies.marks import find_test
from pipeline_guard.remedies.unmark import unmark

IMPORTING = PYTHON.replace("import os\n", "import os\nimport pytest\n")
PLAIN = "import os\n\n\ndef test_sum():\n    assert os.name\n"
CASES = {
    "pytest, import of ours": ("tests/a.py::test_sum", (), PLAIN),
    "pytest, their import": ("tests/a.py::test_sum", (), IMPORTING),
    "pytest, a method": ("tests/a.py::TestCart::test_total[1]", (), IMPORTING),
    "vitest": ("src/cart.test.ts > cart > adds (a, b)", (), JS),
    "jest": ("cart › adds", ("src/cart.test.ts",), JS),
    "go": ("TestAdd", ("cart/cart_test.go",), GO),
    "junit": ("com.acme.CartTest.adds", (), JAVA),
    "junit, another is disabled": (
        "com.acme.CartTest.adds", (),
        JAVA.replace("class", "import org.junit.jupiter.api.Disabled;\n\n@Disabled\nclass"),
    ),
    "windows": ("TestAdd", ("cart/cart_test.go",), GO.replace("\n", "\r\n")),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_was_marked_is_as_before(case):
    name, files, text = CASES[case]
    place = find_test(name, files)
    marked = place.mark(text, place.names, REASON)
    assert marked != text
    assert unmark(marked, place, REASON) == text


def test_a_formatter_may_have_broken_the_mark_into_lines_and_work_went_on_around_it():
    place = find_test("tests/a.py::test_sum", ())
    marked = place.mark(PLAIN, place.names, REASON)
    broken = marked.replace("(strict=False, ", "(\n    strict=False,\n    ").replace('")', '",\n)')
    more = f"{broken}\n\ndef test_more():\n    pass\n"
    assert unmark(more, place, REASON) == f"{PLAIN}\n\ndef test_more():\n    pass\n"


def test_of_two_marks_of_one_day_only_the_one_that_is_meant_goes():
    one, other = (find_test(name, ("a_test.go",)) for name in ("TestAdd", "TestAddAll"))
    half = other.mark(GO, other.names, REASON)
    assert unmark(one.mark(half, one.names, REASON), one, REASON) == half


@pytest.mark.parametrize(
    ("name", "text", "change"),
    [
        ("tests/a.py::test_sum", PLAIN, (REASON, "it is slow")),
        ("tests/a.py::test_sum", PLAIN, ("def test_sum", "def test_sums")),
        ("TestAdd", GO, ("t.Skip(", "t.Skip(why, ")),
        ("TestAdd", GO, (REASON, "it is slow")),
        ("com.acme.CartTest.adds", JAVA, ("void adds", "void addsAll")),
    ],
)
def test_what_somebody_changed_stays(name, text, change):
    place = find_test(name, ("cart_test.go",))
    changed = place.mark(text, place.names, REASON).replace(*change)
    with pytest.raises(Unfit):
        unmark(changed, place, REASON)
