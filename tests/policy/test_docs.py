"""What docs/ says about the policy is true."""

import re
from pathlib import Path

import pytest

from pipeline_guard.policy.layers import BUILT_IN, Setting, Target, _leaves, resolve
from pipeline_guard.policy.load import Loaded, parse
from pipeline_guard.policy.schema import GuardFile, Keys, RepositoryFile, json_schema
from pipeline_guard.stages.decide.guards import GUARDS

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "policy.md").read_text()


def example(name: str) -> bytes:
    found = re.search(rf"<!-- {re.escape(name)} -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1].encode()


def test_the_examples_load_and_show_every_key():
    guard = parse("guard.yaml", example("guard.yaml"), GuardFile)
    own = parse(".pipeline-guard.yml", example(".pipeline-guard.yml"), RepositoryFile)
    assert isinstance(guard, Loaded)
    assert isinstance(own, Loaded)
    said = {key for key, _ in _leaves(guard.says, said_only=True)}
    assert said >= {key for key, _ in _leaves(Keys(), said_only=False)}
    target = Target("acme/payments", "release/2", job="e2e chrome")
    found = resolve(guard, Setting("observe", BUILT_IN), own, target)
    assert (found.policy.mode, found.policy.enabled, found.policy.max_reruns) == (
        "suggest", False, 3,
    )  # fmt: skip


def test_every_guard_is_explained_and_no_other():
    rows = re.findall(r"^\| (\w+) \|", PAGE.partition("## What each guard asks")[2], re.MULTILINE)
    assert rows[1:] == [guard.__name__ for guard in GUARDS]


@pytest.mark.parametrize(
    ("name", "shape"),
    [("guard.schema.json", GuardFile), ("pipeline-guard.schema.json", RepositoryFile)],
)
def test_the_published_schema_is_current(name, shape):
    current = json_schema(shape) + "\n"
    hint = "run: pipeline-guard config schema [--repository-file] > docs/" + name
    assert (DOCS / name).read_text() == current, hint
