"""One key of a YAML file is set, and not a byte beside it moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from pipeline_guard.remedies.edits.base import Unfit
from pipeline_guard.remedies.edits.workflow import set_key

FILE = """\
# The build.
name:   "CI"   # odd
on: [push]

jobs:
  build:
    runs-on: ubuntu-20.04  # the image
    timeout-minutes: 10
    steps:
      - uses: actions/checkout@v2
      - name: 'Test'
        uses: acme/setup@v1
        with: {version: 3}
      - run: |
          make
          make test
  lint: &same
    runs-on: macos-12
  docs: *same
"""


def changed(key, value, text=FILE):
    """The lines that differ, as (before, after)."""
    after = set_key("ci.yml", text, {"key": key, "value": value})
    old, new = text.splitlines(), after.splitlines()
    if len(new) == len(old) + 1:
        index = next(i for i, line in enumerate(new) if i == len(old) or line != old[i])
        if new[index + 1 :] == old[index:]:
            return [(None, new[index])]
    return [(a, b) for a, b in zip(old, new, strict=False) if a != b]


@pytest.mark.parametrize(
    ("key", "value", "lines"),
    [
        ("jobs.build.timeout-minutes", 60,
         [("    timeout-minutes: 10", "    timeout-minutes: 60")]),
        ("jobs.build.runs-on", "ubuntu-24.04",
         [("    runs-on: ubuntu-20.04  # the image", "    runs-on: ubuntu-24.04  # the image")]),
        ("jobs.build.steps.0.uses", "actions/checkout@v4",
         [("      - uses: actions/checkout@v2", "      - uses: actions/checkout@v4")]),
        ("jobs.build.steps.1.name", "Test all",
         [("      - name: 'Test'", '      - name: "Test all"')]),
        ("jobs.build.steps.1.with.version", 4,
         [("        with: {version: 3}", "        with: {version: 4}")]),
        ("jobs.build.continue-on-failure", True, [(None, "    continue-on-failure: true")]),
        ("name", "off", [('name:   "CI"   # odd', 'name:   "off"   # odd')]),
    ],
)  # fmt: skip
def test_a_key_is_set_and_the_rest_stays(key, value, lines):
    assert changed(key, value) == lines


GITLAB = """\
default:
  image: python:3.11  # slim is too small
unit:
  script: [make test]
  retry: 1  # the mirror
e2e:
  retry: {max: 1, when: runner_system_failure}
  # a browser
  script: [make e2e]
"""
STEP = """\
jobs:
  build:
    steps:
      - uses: acme/retry@v3  # tries again
        with:
          max_attempts: 2  # not more
          command: make fetch
"""


@pytest.mark.parametrize(
    ("text", "key", "value", "lines"),
    [
        (GITLAB, "unit.retry", 2, [("  retry: 1  # the mirror", "  retry: 2  # the mirror")]),
        (GITLAB, "e2e.retry.max", 2,
         [("  retry: {max: 1, when: runner_system_failure}",
           "  retry: {max: 2, when: runner_system_failure}")]),
        (GITLAB, "default.retry", 2, [(None, "  retry: 2")]),
        (GITLAB, "e2e.timeout", "2 hours", [(None, '  timeout: "2 hours"')]),
        (GITLAB, "default.image", "python:3.12",
         [("  image: python:3.11  # slim is too small",
           '  image: "python:3.12"  # slim is too small')]),
        (STEP, "jobs.build.steps.0.with.max_attempts", 3,
         [("          max_attempts: 2  # not more", "          max_attempts: 3  # not more")]),
    ],
)  # fmt: skip
def test_how_often_a_step_is_tried_is_set_and_comments_stay(text, key, value, lines):
    assert changed(key, value, text) == lines


def test_a_key_is_added_in_front_of_a_list_s_item():
    after = set_key("ci.yml", FILE, {"key": "jobs.build.steps.0.timeout-minutes", "value": 5})
    assert "      - timeout-minutes: 5\n        uses: actions/checkout@v2\n" in after


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("jobs.docs.runs-on", FILE),
        ("jobs.lint.runs-on", FILE),
        ("jobs.build.steps.2.run", FILE),
        ("jobs.build.steps", FILE),
        ("jobs.deploy.runs-on", FILE),
        ("jobs.build.steps.9.uses", FILE),
        ("jobs.build.steps.1.with.other", FILE),
        ("jobs.build.bad key: x", FILE),
        ("a", "a: [1\n"),
        ("a", "- 1\n"),
        ("a", ""),
        ("a", "a:\n"),
        ("a.b", "a: 1\na: 2\n"),
        ("a", "a: !!python/object:os.system x\n"),
    ],
)
def test_what_would_change_something_else_or_does_not_fit_is_refused(key, text):
    with pytest.raises(Unfit):
        set_key("ci.yml", text, {"key": key, "value": "x"})


@given(st.text(max_size=40))
def test_no_value_gets_out_of_its_place(value):
    try:
        after = set_key("ci.yml", FILE, {"key": "jobs.build.runs-on", "value": value})
    except Unfit:
        return
    read = YAML(typ="safe", pure=True).load(after)
    assert read["jobs"]["build"].pop("runs-on") == value
    expected = YAML(typ="safe", pure=True).load(FILE)
    expected["jobs"]["build"].pop("runs-on")
    assert read == expected


def test_windows_line_ends_stay():
    text = "a:\r\n  b: 1\r\n"
    after = set_key("x.yml", text, {"key": "a.c", "value": 2})
    assert after == "a:\r\n  c: 2\r\n  b: 1\r\n"


def test_a_file_of_aliases_that_grow_without_end_is_read_quickly():
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
    text = f"a0: &a0 [x]\n{levels}key: 1\n"
    assert set_key("x.yml", text, {"key": "key", "value": 2}) == text.replace("key: 1", "key: 2")
