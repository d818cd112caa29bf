"""When the last re-run is made on another runner, and what is told when it is not, by a table."""

from dataclasses import asdict, replace

import pytest
from tests.stages.decide.test_decide import EVERYTHING, NOW, diagnosis, facts, job, run
from tests.stages.decide.test_guards import ago, policy

from pipeline_guard.domain.dispatch import OtherRunner
from pipeline_guard.domain.incident import OpenIncident
from pipeline_guard.domain.plan import stored_plan
from pipeline_guard.stages.decide.case import Case
from pipeline_guard.stages.decide.decide import decide
from pipeline_guard.stages.decide.facts import Spent, as_json, from_json

CAN = EVERYTHING | {"rerun_other_runner", "rerun_debug"}
LOST = diagnosis("infra_runner", transient=True)
MAY = OtherRunner("runner", "spare", 12.5)
WISH = {"input": "runner", "label": "spare"}
STEP = {"scope": "other_runner", "input": "runner", "label": "spare", "minutes": 12.5}


def case(a_job=None, values=None, wish=None, **changes):
    given = {"diagnosis": LOST, "capabilities": CAN, "reruns": 1, "other_runner": MAY}
    a_run = changes.pop("a_run", None) or run(a_job or job())
    rules = policy(**({"other_runner": WISH if wish is None else wish} | (values or {})))
    return Case(facts(a_run, a_job or a_run.jobs[0], **(given | changes)), rules)


def planned(some: Case, **more):
    return decide([some], NOW, **more)[0]


def test_the_last_re_run_is_made_on_another_runner():
    plan = planned(case())
    (step,) = plan.steps
    assert (step.kind, plan.status, plan.notes) == ("rerun", "healing", ())
    wait = step.params.pop("wait")
    assert step.params == STEP
    assert 30 <= wait <= 90
    assert "runner: spare" in step.why
    assert "2 of at most 2" in step.why
    assert plan.summary == step.why


def test_its_money_is_by_the_price_of_its_label():
    prices = {"prices": {"*": 0.01, "spare": 0.1}}
    (step,) = planned(case(values=prices)).steps
    assert step.params["money"] == 1.25


@pytest.mark.parametrize(
    "some",
    [
        case(wish={}),
        case(wish={"input": "runner"}),
        case(wish={"label": "spare"}),
        case(wish=WISH | {"categories": []}),
        case(wish=WISH | {"categories": ["disk_full"]}),
        case(diagnosis=diagnosis("network_transient")),
        case(reruns=0),
        case(values={"max_reruns": 3}),
    ],
)
def test_who_does_not_ask_for_it_is_told_nothing(some):
    plan = planned(some)
    assert plan.steps[0].params["scope"] == "failed_jobs"
    assert plan.notes == ()


PROBE = OpenIncident(7, ago(99), 12, 3, probe=True)


@pytest.mark.parametrize(
    ("some", "told"),
    [
        (case(capabilities=EVERYTHING), "starts no run with another runner"),
        (case(incident=PROBE), "whether incident 7 is over"),
        (case(other_runner=None), "was not read"),
        (case(other_runner=replace(MAY, label="big")), "was not read"),
        (case(other_runner=replace(MAY, input="os")), "was not read"),
        (case(other_runner=replace(MAY, against="It deploys.")), "It deploys."),
        (
            case(values={"budgets": {"minutes_per_day": 20}}, repository=Spent(1, 8.0)),
            "does not last",
        ),
        (case(values={"budgets": {"money_per_day": 1}, "prices": {"spare": 0.1}}), "does not last"),
        (case(protected_beside=("deploy",)), "must not be re-run"),
        (case(failed_jobs=2), "must not be re-run"),
    ],
)
def test_each_reason_against_it_is_told_quietly_and_the_re_run_is_the_ordinary_one(some, told):
    plan = planned(some)
    assert plan.status == "healing"
    assert plan.steps[0].params["scope"] in ("failed_jobs", "job")
    assert plan.refusals == ()
    (note,) = plan.notes
    assert note.startswith("Not on another runner: ")
    assert told in note
    assert "another runner" not in plan.summary + plan.steps[0].why


def test_an_ordinary_last_re_run_may_still_log_more():
    some = case(values={"debug_last_rerun": True}, other_runner=replace(MAY, against="No."))
    assert planned(some).steps[0].params["debug"] is True
    assert "debug" not in planned(case(values={"debug_last_rerun": True})).steps[0].params


def test_all_that_failed_must_ask_for_the_same():
    a_run = run(job("a"), job("b"))
    first, second = (case(item, a_run=a_run) for item in a_run.jobs)
    plans = decide([first, second], NOW)
    assert [plan.steps[0].params["scope"] for plan in plans] == ["other_runner"] * 2
    assert plans[0].steps == plans[1].steps
    for other in (
        case(a_run.jobs[1], a_run=a_run, diagnosis=diagnosis("network_transient")),
        case(a_run.jobs[1], a_run=a_run, wish=WISH | {"label": "big"}),
        case(a_run.jobs[1], a_run=a_run, reruns=0),
    ):
        plans = decide([first, other], NOW)
        assert [plan.steps[0].params["scope"] for plan in plans] == ["failed_jobs"] * 2
        assert "do not ask for the same" in plans[0].notes[0]


@pytest.mark.parametrize("mode", ["observe", "suggest"])
def test_without_act_it_is_what_would_have_been_done(mode):
    plan = planned(case(values={"mode": mode}))
    assert plan.steps[0].params["scope"] == "other_runner"
    assert plan.live == ()


def test_a_persons_word_is_for_the_ordinary_re_run():
    plan = planned(case(), past=frozenset({"attempts"}))
    assert plan.steps[0].params["scope"] == "failed_jobs"
    assert plan.notes == ()


def test_what_was_read_and_noted_is_kept_with_the_plan():
    some = case(other_runner=replace(MAY, against="It deploys."))
    kept = from_json(as_json(some.facts), asdict(LOST))
    assert kept.other_runner == some.facts.other_runner
    plan = planned(some)
    assert stored_plan(asdict(plan)).notes == plan.notes
    older = {key: value for key, value in asdict(plan).items() if key != "notes"}
    assert stored_plan(older).notes == ()
