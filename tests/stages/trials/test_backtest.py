"""What other rules would have said of stored failures."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.stages.decide.test_decide import NOW, diagnosis, facts, job, run

from pipeline_guard.policy.layers import Setting, Target, resolve
from pipeline_guard.policy.schema import Policy
from pipeline_guard.rules.load import load_rules
from pipeline_guard.stages.decide.case import Case
from pipeline_guard.stages.decide.decide import decide
from pipeline_guard.stages.diagnose.judge import Judge
from pipeline_guard.stages.gather.gather import Gathered
from pipeline_guard.stages.trials.backtest import Score, backtest
from pipeline_guard.store import failures, labels

SINCE = datetime.now(UTC) - timedelta(days=1)
LOG = "starting\nwidget-cache: the shelf is asleep, giving up\nexit code 4\n"
RULE = """
rules:
  - id: widget-cache-asleep
    category: network_transient
    transient: {transient}
    patterns: {{any: ['widget-cache: the shelf is asleep']}}
    tests: {{match: ['widget-cache: the shelf is asleep, giving up']}}
"""


@pytest.fixture
async def stored(database) -> list[int]:
    """Two failures that nobody could name then: one passed on a re-run, one was labelled."""
    resolved = resolve(None, Setting("act", "PIPELINE_GUARD_MODE"), None, Target("acme/shop"))
    unknown = replace(diagnosis("unknown", confidence=0.2, source="none"), excerpt=LOG)
    found = []
    async with database.transaction() as session:
        for number in ("1", "2"):
            a_run = run(job(), run_id=number)
            case = Case(facts(a_run, diagnosis=unknown), Policy(mode="act"))
            (plan,) = decide([case], NOW)
            kept = Gathered(case, resolved).kept_with(plan)
            found.append(await failures.add(session, a_run, job(), unknown, kept))
        (first,) = await failures.of_run(session, "github", "acme/shop", "1")
        first.next_passed = True
        labels.add(session, [found[1]], "network_transient", "ann")
    return found


def rules(folder: Path, *, transient: bool) -> Path:
    (folder / "own.yaml").write_text(RULE.format(transient=str(transient).lower()))
    return folder


async def test_a_new_rule_is_held_against_what_was_judged_then(database, stored, tmp_path):
    judge = Judge(load_rules((rules(tmp_path, transient=True),)), None)
    found = [item async for group in backtest(database, None, judge, SINCE) for item in group]
    assert [item.failure for item in found] == stored
    assert [(item.before.category, item.before.rerun) for item in found] == [("unknown", False)] * 2
    assert {(item.after.rule, item.after.transient, item.after.rerun) for item in found} == {
        ("widget-cache-asleep", True, True)
    }
    before, after = Score(), Score()
    for item in found:
        before.add(item.before, item.passed, item.label)
        after.add(item.after, item.passed, item.label)
    assert (before.labels, before.recall, before.reruns) == ([0, 1], [0, 1], 0)
    assert (after.labels, after.precision, after.recall) == ([1, 1], [1, 1], [1, 1])
    assert before.worse_than(after)
    assert not after.worse_than(before)


async def test_the_same_rules_differ_in_nothing(database, stored, tmp_path):
    judge = Judge(load_rules((rules(tmp_path, transient=True),)), None)
    found = [item async for group in backtest(database, judge, judge, SINCE) for item in group]
    assert not any(item.differs for item in found)


@pytest.mark.usefixtures("stored")
def test_the_command_says_what_differs_and_fails_where_it_is_worse(database_url, tmp_path):
    good, bad = tmp_path / "good", tmp_path / "bad"
    for folder, transient in ((good, True), (bad, False)):
        folder.mkdir()
        rules(folder, transient=transient)

    def call(in_force: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = {key: os.environ[key] for key in ("PATH", "PYTHONPATH") if key in os.environ}
        env |= {"PIPELINE_GUARD_DATABASE_URL": database_url, "PIPELINE_GUARD_RULES": str(in_force)}
        return subprocess.run(
            [sys.executable, "-m", "pipeline_guard", "rules", "backtest", *arguments],
            env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip

    better = call(bad, "--rules", str(good), "--json")
    assert better.returncode == 0, better.stderr
    told = json.loads(better.stdout)
    assert (told["failures"], len(told["differences"])) == (2, 2)
    assert told["after"]["recall"] == {"right": 1, "of": 1, "share": 1.0}
    worse = call(good, "--rules", str(bad))
    assert worse.returncode == 1
    assert (
        "Called transient, of failures whose re-run passed: 1 of 1 before, 0 of 1" in worse.stdout
    )
