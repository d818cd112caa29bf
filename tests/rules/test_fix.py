"""What a rule may say about mending, and which captured texts get into a file."""

import pytest
from pydantic import ValidationError

from pipeline_guard.domain.changes import Edit
from pipeline_guard.rules.schema import Rule


def rule(*fix, captures=("name",), pattern=r"no version of (?P<name>\S+)"):
    return Rule.model_validate(
        {
            "id": "dep-gone",
            "category": "dependency_resolution",
            "patterns": {"any": [pattern]},
            "captures": captures,
            "tests": {"match": ["no version of x"]},
            "fix": fix,
        }
    )


BOUND = {"bound": "{name}", "to": "<2", "files": ["requirements.txt", "pyproject.toml"]}


def test_captures_fill_names_values_and_files():
    made = rule(
        BOUND,
        {"set": "jobs.{name}.timeout-minutes", "value": 60, "files": [".github/{name}.yml"]},
        {"replace": "old", "with": "{name}", "files": ["Dockerfile"]},
    )
    assert made.edits({"name": "shop"}) == (
        Edit("bound", ("requirements.txt", "pyproject.toml"), {"package": "shop", "to": "<2"}),
        Edit("set", (".github/shop.yml",), {"key": "jobs.shop.timeout-minutes", "value": 60}),
        Edit("replace", ("Dockerfile",), {"pattern": "old", "text": "shop"}),
    )


@pytest.mark.parametrize(
    "value",
    ["a b", "a\nb", "$(id)", "`id`", "a;b", "../x", "a/../b", "", "x" * 121, "***", 'a"b', "a'b"],
)
def test_a_captured_text_that_is_not_plain_gets_into_no_file(value):
    made = rule(BOUND, {"replace": "old", "with": "new", "files": ["Dockerfile"]})
    assert made.edits({"name": value}) == ()


@pytest.mark.parametrize(
    "fix",
    [
        {"files": ["a"]},
        {"set": "a", "files": ["a"]},
        {"set": "a", "value": 1, "bound": "b", "to": "<2", "files": ["a"]},
        {"bound": "a", "to": "<2", "files": []},
        {"bound": "a", "to": "<2", "files": ["/etc/passwd"]},
        {"bound": "a", "to": "<2", "files": ["a/../../b"]},
        {"bound": "{other}", "to": "<2", "files": ["a"]},
        {"replace": "(?=a)", "with": "b", "files": ["a"]},
        {"replace": "a", "with": "b", "files": ["a"], "run": "rm"},
    ],
)
def test_a_fix_that_is_no_one_edit_of_a_file_inside_is_refused(fix):
    with pytest.raises(ValidationError):
        rule(fix)
