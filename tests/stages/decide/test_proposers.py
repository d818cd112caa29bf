"""The seam of plans with several kinds of steps, with a proposer of the test's own."""

from datetime import UTC, datetime

import pytest
from tests.stages.decide.test_decide import EVERYTHING, diagnosis, facts, run

from pipeline_guard.domain.plan import Step
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.decide import decide as decide_module
from pipeline_guard.stages.decide.case import Case
from pipeline_guard.stages.decide.decide import decide
from pipeline_guard.stages.decide.proposers.base import weigh

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ACT = Policy(mode="act")
GENUINE = {"diagnosis": diagnosis("lint_format"), "capabilities": EVERYTHING | {"changes"}}


def not_on_friday(facts, policy, now):
    return "Not on a Friday." if facts.run.branch == "friday" else None


@pytest.fixture(autouse=True)
def proposer(monkeypatch):
    def propose(facts, policy, plan, now):
        if facts.diagnosis.category != "lint_format":
            return ()
        return weigh(Step("rerun", {"x": 1}), (not_on_friday,), "act", facts, policy, now)

    monkeypatch.setattr(decide_module, "PROPOSERS", (propose,))


def plan(policy=ACT, **changes):
    return decide([Case(facts(**(GENUINE | changes)), policy)], NOW)[0]


def test_an_offered_step_joins_the_plan_and_leaves_the_status_to_the_re_run():
    found = plan()
    assert [step.params for step in found.steps] == [{"x": 1}]
    assert found.status == "open"


def test_a_doubted_step_is_refused_by_its_own_guard():
    found = plan(a_run=run(branch="friday"))
    assert found.steps == ()
    assert "not_on_friday" in {item.guard for item in found.refusals}


def test_an_idle_mode_keeps_the_step_as_what_would_be_done():
    found = plan(Policy(mode="suggest"))
    assert [step.params for step in found.steps] == [{"x": 1}]
    assert found.live == ()


def test_what_the_platform_cannot_do_is_refused():
    assert plan(capabilities=frozenset({"comment"})).steps == ()
