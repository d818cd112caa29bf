"""Every remedy tells its risk, its undo and its parameters, and its real steps go into words."""

from dataclasses import replace
from typing import get_args

import pytest
from tests.stages.decide import test_other_steps, test_propose_patch
from tests.stages.decide.test_decide import EVERYTHING, facts, job, run

from pipeline_guard.domain.plan import Step, StepKind
from pipeline_guard.policy.schema import Policy
from pipeline_guard.remedies import REMEDIES, in_words
from pipeline_guard.stages.decide.case import Case
from pipeline_guard.stages.decide.decide import decide

RERUN = Policy.model_validate({"mode": "act", "debug_last_rerun": True, "max_reruns": 1})


def planned(kind):
    """A step of that kind as the decision makes it."""
    if kind == "rerun":
        given = facts(run(replace(job(), seconds=180.0)), capabilities=EVERYTHING | {"rerun_debug"})
        return decide([Case(given, RERUN)], test_other_steps.NOW)[0].steps[0]
    (step,) = test_propose_patch.offered() if kind == "patch" else test_other_steps.offered(kind)
    return step


@pytest.mark.parametrize("kind", get_args(StepKind))
def test_a_remedy_tells_its_risk_and_undo_in_sentences(kind):
    remedy = REMEDIES[kind]
    assert remedy.kind == kind
    for text in (remedy.risk, remedy.undo):
        assert len(text.split()) > 4
        assert text.endswith(".")


@pytest.mark.parametrize("kind", get_args(StepKind))
def test_a_step_carries_only_parameters_that_its_remedy_explains(kind):
    step = planned(kind)
    assert isinstance(step, Step)
    assert set(step.params) <= set(REMEDIES[kind].params)
    assert all(REMEDIES[kind].params.values())


@pytest.mark.parametrize("kind", get_args(StepKind))
def test_a_step_goes_into_words(kind):
    words = in_words(kind, planned(kind).params)
    assert words
    assert words.does
    assert words[1:] == (REMEDIES[kind].risk, REMEDIES[kind].undo)


@pytest.mark.parametrize(("kind", "params"), [("bless", {}), ("issue", {"title": "$"})])
def test_a_step_of_another_version_has_no_words_and_does_no_harm(kind, params):
    assert in_words(kind, params) is None
