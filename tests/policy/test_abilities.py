"""A policy that asks for what no connected platform can do is refused where it stands."""

import json
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from pipeline_guard.cli import build
from pipeline_guard.domain.capabilities import Capability
from pipeline_guard.errors import ConfigError
from pipeline_guard.platforms import ADAPTERS
from pipeline_guard.policy.abilities import WISHES, impossible
from pipeline_guard.policy.layers import BUILT_IN, _built_in
from pipeline_guard.policy.load import parse
from pipeline_guard.policy.schema import GuardFile, RepositoryFile
from pipeline_guard.remedies import REMEDIES
from pipeline_guard.settings import Settings
from pipeline_guard.stages.abilities import MEANING, page
from pipeline_guard.stages.gather.policies import Policies

BUILDBOT = {"buildbot": ADAPTERS["buildbot"]}
ASKING = b"""\
mode: act
repositories:
  acme/*:
    branches:
      main:
        issue: {enabled: true}
jobs:
  e2e:
    patch:
      mode: act
"""


def test_each_wish_is_told_with_its_place():
    policy = parse("guard.yaml", ASKING, GuardFile)
    assert impossible(policy, BUILDBOT) == [
        "guard.yaml:6:17: issue.enabled: buildbot cannot keep issues, see docs/platforms.md",
        "guard.yaml:10:7: patch.mode: buildbot cannot propose changes, see docs/platforms.md",
    ]


def test_any_value_of_a_name_asks_and_none_does_not():
    text = b"other_runner: {input: runner, label: spare}\njobs: {e2e: {other_runner: {input: }}}"
    (told,) = impossible(parse("guard.yaml", text, GuardFile), BUILDBOT)
    assert told == (
        "guard.yaml:1:16: other_runner.input: buildbot cannot run anew with another runner,"
        " see docs/platforms.md"
    )
    github = {"github": ADAPTERS["github"]}
    assert impossible(parse("guard.yaml", text, GuardFile), github) == []


def test_one_platform_that_can_is_enough_and_without_any_nothing_is_said():
    policy = parse("guard.yaml", ASKING, GuardFile)
    assert impossible(policy, BUILDBOT | {"github": ADAPTERS["github"]}) == []
    assert impossible(policy, {}) == []


def test_what_is_built_in_or_switched_off_asks_for_nothing():
    for text in (b"", b"mode: act", b"issue: {enabled: false}\npatch: {mode: observe}"):
        assert impossible(parse("guard.yaml", text, GuardFile), BUILDBOT) == []


def test_a_repository_file_is_looked_at_in_the_same_way():
    own = parse(".pipeline-guard.yml", b"label: {enabled: true}", RepositoryFile)
    (told,) = impossible(own, BUILDBOT)
    assert told.startswith(".pipeline-guard.yml:1:9: label.enabled: buildbot cannot label")


def test_every_wish_is_a_key_and_its_remedy_needs_the_same():
    keys = _built_in()
    for key, wish in WISHES.items():
        assert keys[key].origin == BUILT_IN
        remedy = REMEDIES.get(key.partition(".")[0])
        assert remedy is None or remedy.needs_one_of == {wish.capability}


class _Connected:
    def __init__(self, name: str) -> None:
        self.platform = self
        self.capabilities = ADAPTERS[name]


def test_the_service_does_not_start_with_it(tmp_path: Path):
    file = tmp_path / "guard.yaml"
    file.write_bytes(ASKING)
    settings = Settings(_env_file=None, config=file)
    with pytest.raises(ConfigError, match="buildbot cannot keep issues"):
        Policies(settings, {"buildbot": _Connected("buildbot")})
    assert Policies(settings, {"github": _Connected("github")}).guard is not None


def test_config_check_tells_it_before(tmp_path: Path, monkeypatch):
    file = tmp_path / "guard.yaml"
    file.write_bytes(ASKING)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIPELINE_GUARD_DATA_DIR", str(tmp_path))
    call = ["config", "check", str(file), "--json"]
    assert CliRunner().invoke(build(), call).exit_code == 0
    monkeypatch.setenv("PIPELINE_GUARD_BUILDBOT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("PIPELINE_GUARD_BUILDBOT_WEBHOOK_TOKEN", "t")
    found = CliRunner().invoke(build(), call)
    assert found.exit_code == 1
    assert len(json.loads(found.stdout)["problems"]) == 2


def test_the_page_is_current_and_explains_every_capability():
    assert set(MEANING) == set(get_args(Capability))
    published = Path(__file__).parents[2] / "docs" / "platforms.md"
    hint = "run: pipeline-guard config platforms > docs/platforms.md"
    assert published.read_text() == page(), hint
