"""`config`: check, schema and show in this process, simulate in one of its own."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.stages.decide.test_decide import NOW, diagnosis, facts, job, run
from typer.testing import CliRunner

from pipeline_guard.cli import build
from pipeline_guard.cli.simulation import Told
from pipeline_guard.errors import ConfigError
from pipeline_guard.policy.layers import Setting, Target, resolve
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.decide.case import Case
from pipeline_guard.stages.decide.decide import decide
from pipeline_guard.stages.gather.gather import Gathered
from pipeline_guard.stages.trials.simulate import Outcome
from pipeline_guard.store import failures
from pipeline_guard.store.tables import Failure

GUARD = "mode: act\nrepositories:\n  acme/*: {max_reruns: 1}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("PIPELINE_GUARD_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str):
    return CliRunner().invoke(build(), ["config", *arguments])


def test_a_good_file_is_fine(folder):
    (folder / "guard.yaml").write_text(GUARD)
    found = call("check", "guard.yaml")
    assert (found.exit_code, found.output) == (0, "guard.yaml: fine\n")


def test_each_mistake_is_told_with_its_place(folder):
    (folder / "guard.yaml").write_text("mode: act\nmax_rerun: 1\n")
    found = call("check", "guard.yaml")
    assert found.exit_code == 1
    assert "guard.yaml:2:1: max_rerun: there is no such key: did you mean" in found.output
    as_json = json.loads(call("check", "guard.yaml", "--json").stdout)
    assert (as_json["ok"], len(as_json["problems"])) == (False, 1)


def test_the_file_of_the_environment_is_checked_when_none_is_given(folder, monkeypatch):
    assert isinstance(call("check").exception, ConfigError)
    (folder / "guard.yaml").write_text(GUARD)
    monkeypatch.setenv("PIPELINE_GUARD_CONFIG", "guard.yaml")
    assert call("check").output == "guard.yaml: fine\n"


def test_the_schema_is_json_with_the_keys(folder):
    assert "organisation_budgets" in json.loads(call("schema").stdout)["properties"]
    own = json.loads(call("schema", "--repository-file").stdout)["properties"]
    assert "max_reruns" in own
    assert "max_mode" not in own


def test_the_policy_in_force_is_shown_with_the_origin_of_each_value(folder, monkeypatch):
    (folder / "guard.yaml").write_text(GUARD)
    (folder / "own.yml").write_text("cool_down: 5\nmax_reruns: 4\n")
    monkeypatch.setenv("PIPELINE_GUARD_CONFIG", "guard.yaml")
    arguments = ("show", "--repository", "acme/shop", "--repository-file", "own.yml")
    lines = call(*arguments, "--explain").output.splitlines()
    assert any(ln.startswith("max_reruns: 1 ") and "guard.yaml:3:12" in ln for ln in lines)
    assert any(ln.startswith("cool_down: 5 ") and "own.yml:1:1" in ln for ln in lines)
    assert lines[-1] == "# own.yml:2:1: max_reruns: only 1 is allowed here."
    assert json.loads(call(*arguments, "--json").stdout)["max_reruns"] == 1
    assert "max_reruns: 2\n" in call("show").output


async def stored(database) -> None:
    """Two runs as they were decided with mode `act`: one was re-run and healed, one protected."""
    resolved = resolve(None, Setting("act", "PIPELINE_GUARD_MODE"), None, Target("acme/shop"))
    async with database.transaction() as session:
        for number, name in (("1", "tests"), ("2", "deploy")):
            a_run = run(job(name), run_id=number)
            case = Case(facts(a_run), Policy(mode="act"))
            (plan,) = decide([case], NOW)
            kept = Gathered(case, resolved).kept_with(plan)
            await failures.add(session, a_run, job(name), diagnosis(), kept)
        (healed,) = await failures.of_run(session, "github", "acme/shop", "1")
        healed.rerun_passed = True


@pytest.mark.parametrize(
    ("was", "would_be", "passed", "lost"),
    [(True, False, True, 1), (True, False, False, 0), (True, False, None, 0),
     (True, True, True, 0), (False, False, True, 0)],
)  # fmt: skip
def test_a_heal_is_lost_where_a_re_run_that_passed_would_not_be_made(was, would_be, passed, lost):
    told = Told()
    told.add(Outcome(Failure(rerun_passed=passed), was, would_be, (), (), minutes=0.0))
    assert told.lost_heals == lost


async def test_simulate_tells_what_another_policy_would_have_done(database, database_url, folder):
    await stored(database)
    (folder / "other.yaml").write_text("mode: act\nnever_rerun: [tests]\n")

    def call_with_store(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "pipeline_guard", *arguments],
            env={"PATH": os.environ["PATH"], "PIPELINE_GUARD_DATABASE_URL": database_url}
            | {key: value for key, value in os.environ.items() if key == "PYTHONPATH"},
            cwd=folder, capture_output=True, text=True, check=True, timeout=60,
        ).stdout  # fmt: skip

    simulate = ("config", "simulate", "other.yaml")
    found = json.loads(await asyncio.to_thread(call_with_store, *simulate, "--json"))
    assert (found["failures"], found["rerun"]) == (2, {"was": 1, "would_be": 1})
    assert found["lost_heals"] == 1
    assert [(item["job"], item["was"], item["would_be"]) for item in found["differences"]] == [
        ("tests", "re-run", "not: never_rerun"), ("deploy", "not: never_rerun", "re-run"),
    ]  # fmt: skip
    told = await asyncio.to_thread(call_with_store, *simulate)
    assert "Failures re-run: 1 then, 1 with it; 1 that healed would not have" in told
    story = await asyncio.to_thread(call_with_store, "failures", "show", "2")
    assert "  red jobs of the run: 1 of 1\n" in story
    assert "  max_reruns: 2 (built-in)\n" in story
    assert "  mode: act (PIPELINE_GUARD_MODE)\n" in story
    story = await asyncio.to_thread(call_with_store, "failures", "show", "1")
    assert "        does: re-run the failed jobs\n        risk: Costs CI minutes" in story
    assert "\n        undo: Cancel the new attempt" in story
