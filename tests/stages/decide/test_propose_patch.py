"""Each guard of the patch, in its own words; the mode and the fork leave the change as a hint."""

from datetime import UTC, datetime

import pytest
from tests.stages.decide.test_decide import EVERYTHING, diagnosis, facts, job, run

from pipeline_guard.domain.changes import PRINTED, Declined, PreparedPatch
from pipeline_guard.domain.plan import Plan, Refusal, Step
from pipeline_guard.domain.runs import ChangeRequest
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.decide.proposers.patch import propose

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ACT = Policy.model_validate({"mode": "act", "patch": {"mode": "act"}})
DIFF = "--- a/src/a.py\n+++ b/src/a.py\n@@ -1 +1 @@\n-a=1\n+a = 1\n"
PATCH = PreparedPatch(PRINTED, DIFF, ("src/a.py",), 2, "c0ffee")
LINT = diagnosis("lint_format", fingerprint="f1", transient=False)
REQUEST = ChangeRequest(7, head_sha="c0ffee")


def offered(policy=ACT, patch=PATCH, a_run=None, cause=LINT, **changes):
    a_run = a_run or run(branch="dev", request=REQUEST)
    some = facts(
        a_run, diagnosis=cause, patch=patch, capabilities=EVERYTHING | {"changes"}, **changes
    )
    return propose(some, policy, Plan(), NOW)


def test_what_fits_is_a_step_that_is_one_action_per_fingerprint_files_and_commit():
    (step,) = offered()
    assert isinstance(step, Step)
    assert step.kind == "patch"
    assert step.once.startswith("pipeline-guard/f1-")
    (other,) = offered(
        patch=PreparedPatch(PRINTED, DIFF.replace("a.py", "b.py"), ("src/b.py",), 2, "c0ffee")
    )
    assert other.once != step.once
    assert step.params["diff"] == DIFF


@pytest.mark.parametrize(
    ("guard", "changes"),
    [
        ("usable", {"patch": PreparedPatch(PRINTED, problem="It does not fit.")}),
        ("own_branch", {"a_run": run(branch="pipeline-guard/x", request=REQUEST)}),
        ("fingerprint", {"cause": diagnosis("lint_format", transient=False)}),
        ("cause", {"cause": diagnosis("network_transient", fingerprint="f1")}),
        ("cause", {"cause": diagnosis("timeout", fingerprint="f1", transient=False)}),
        ("size", {"policy": ACT.model_copy(
            update={"patch": ACT.patch.model_copy(update={"max_lines": 1})})}),
        ("harmless", {"patch": PreparedPatch(
            PRINTED, DIFF.replace("a = 1", "a = 1  # noqa"), ("src/a.py",), 2, "c0ffee")}),
        ("superseded", {"a_run": run(branch="dev", request=REQUEST, head_sha="beef")}),
        ("declined", {"declined": (Declined("patch", "f1", "3", paths=("src/a.py",)),)}),
        ("own_actor", {"a_run": run(branch="dev", request=REQUEST, actor="guard[bot]")}),
    ],
)  # fmt: skip
def test_each_guard_keeps_the_change_out_in_its_own_words(guard, changes):
    found = offered(**changes)
    assert all(isinstance(item, Refusal) and item.step == "patch" for item in found)
    assert guard in {item.guard for item in found}
    assert all(item.reason.endswith(".") for item in found)


@pytest.mark.parametrize(
    ("guard", "changes"),
    [
        ("mode", {"policy": Policy(mode="act")}),
        ("mode", {"policy": ACT.model_copy(update={"mode": "suggest"})}),
        ("fork", {"a_run": run(branch="dev", request=ChangeRequest(7, from_fork=True))}),
        ("protected", {"patch": PreparedPatch(PRINTED, DIFF, ("src/a.py",), 2, "c0ffee", True)}),
        ("kill_switch", {"policy": ACT.model_copy(update={"enabled": False})}),
        ("switched_off", {"switched_off": "ann"}),
    ],
)
def test_what_only_keeps_hands_still_leaves_it_as_a_suggestion(guard, changes):
    step, *against = offered(**changes)
    assert isinstance(step, Step)
    assert [item.guard for item in against] == [guard]


def test_a_name_of_a_job_says_nothing_but_words_in_what_is_written():
    hostile = job("lint [x](https://evil.example) @acme/all `a` <b>\n# H")
    (step,) = offered(a_run=run(hostile, branch="dev", request=REQUEST))
    for text in (step.params["title"], step.params["body"]):
        assert not set("@`<>#[") & set(text.replace("#7", "").replace("[lint", ""))


def test_what_was_declined_of_other_files_or_another_failure_is_no_reason():
    others = (
        Declined("patch", "f1", "3", paths=("src/b.py",)),
        Declined("patch", "f2", "4", paths=("src/a.py",)),
        Declined("issue", "f1", "5"),
    )
    (step,) = offered(declined=others)
    assert isinstance(step, Step)


def test_without_a_patch_there_is_nothing_to_say():
    assert offered(patch=None) == ()
