"""The site shows every page, and its reference every command, setting and rule."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from pipeline_guard.remedies import REMEDIES
from pipeline_guard.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts/reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def leaves(nav):
    for entry in nav:
        for value in entry.values() if isinstance(entry, dict) else [entry]:
            yield from leaves(value) if isinstance(value, list) else [value]


def test_every_page_is_in_the_navigation():
    shown = set(leaves(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    docs = ROOT / "docs"
    pages = {str(path.relative_to(docs)) for path in docs.rglob("*.md")}
    decisions = {page for page in pages if page.startswith("adr/")}  # put in by a hook
    assert pages - decisions - shown == set(), "add them to nav in mkdocs.yml"


def test_decisions_have_numbers_of_their_own_and_say_them():
    numbers = {}
    for path in sorted((ROOT / "docs/adr").glob("*.md")):
        number = path.name[:4]
        assert number not in numbers, f"{path.name} and {numbers[number]} have one number"
        numbers[number] = path.name
        assert path.read_text().startswith(f"# {int(number)}. "), path.name


def test_the_reference_has_every_command(reference):
    page = reference.commands()
    for words in ("serve", "db prune", "db backup", "rules check", "deliveries replay"):
        assert f"\n## pipeline-guard {words}\n" in page
    assert "`--dry-run`" in page


def test_the_reference_explains_every_setting(reference):
    lines = reference.settings().splitlines()
    for name in Settings.model_fields:
        found = [line for line in lines if f"`{PREFIX}{name.upper()}`" in line]
        assert len(found) == 1
        assert not found[0].endswith("|  |"), f"{name} has no docstring in settings.py"


def test_the_reference_has_the_policy_the_api_and_the_rules(reference):
    assert "| `breadth.max_share` | number | `0.5` |" in reference.policy()
    api = reference.api()
    assert "## GET /api/v1/failures\n" in api
    assert "## POST /api/v1/deliveries/{delivery_id}/replay" in api
    assert "## POST /webhooks/{platform}\n" in api
    assert reference.rules().count("\n| `") > 200


def test_the_reference_has_every_remedy_with_its_risk_undo_and_parameters(reference):
    page = reference.remedies()
    for kind, remedy in REMEDIES.items():
        assert f"| [{kind}](#{kind}) | {remedy.risk} | {remedy.undo} | `" in page
        part = page.split(f"\n## {kind}\n")[1].split("\n## ")[0]
        assert part.count("\n| `") == len(remedy.params)
    assert "remedies" in reference.PAGES


def test_the_remedy_that_is_shown_is_the_one_there_is():
    shown = (ROOT / "docs/adding-a-remedy.md").read_text().split("```python\n")[1].split("```")[0]
    assert shown in (ROOT / "src/pipeline_guard/remedies/rerun.py").read_text()
