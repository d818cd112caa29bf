from datetime import UTC, datetime

import pytest

from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.decide.case import Case
from pipeline_guard.stages.decide.decide import decide
from pipeline_guard.stages.decide.facts import Facts

EVERYTHING = frozenset({"rerun_failed_jobs", "rerun_job", "rerun_run", "comment"})
ACT = Policy(mode="act")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def job(name: str = "test", conclusion: str = "failure", job_id: str = "") -> Job:
    return Job(id=job_id or f"id-{name}", name=name, conclusion=conclusion)


def run(*jobs: Job, **changes: object) -> Run:
    values = {
        "platform": "github", "repository": "acme/shop", "run_id": "1", "attempt": 1,
        "status": "completed", "conclusion": "failure", "workflow": "ci", "branch": "main",
        "commit": "c0ffee", "head_sha": "c0ffee", "actor": "ann", "jobs": jobs or (job(),),
    }  # fmt: skip
    return Run(**(values | changes))


def diagnosis(category: str = "network_transient", **changes: object) -> Diagnosis:
    transient = category == "network_transient"
    return Diagnosis(**({"category": category, "confidence": 0.9, "source": "rule",
                         "transient": transient} | changes))  # fmt: skip


def facts(a_run: Run | None = None, a_job: Job | None = None, **changes: object) -> Facts:
    a_run = a_run or run()
    values = {"run": a_run, "job": a_job or a_run.jobs[0], "diagnosis": diagnosis(),
              "capabilities": EVERYTHING, "identity": "guard[bot]",
              "failed_jobs": len(a_run.failed_jobs), "all_jobs": len(a_run.jobs)}  # fmt: skip
    return Facts(**(values | changes))


def plan(some_facts: Facts, policy: Policy = ACT):
    return decide([Case(some_facts, policy)], NOW)[0]


def plans(some_facts: list[Facts], policy: Policy = ACT):
    return decide([Case(item, policy) for item in some_facts], NOW)


def test_a_transient_failure_is_re_run_and_says_why():
    found = plan(facts())
    assert found.status == "healing"
    assert [(step.kind, step.params) for step in found.steps] == [
        ("rerun", {"scope": "failed_jobs"})
    ]
    assert found.refusals == ()
    assert "network_transient" in found.summary


@pytest.mark.parametrize(
    ("guard", "some_facts", "status"),
    [
        ("transient", facts(diagnosis=diagnosis("test_failure")), "open"),
        ("transient", facts(diagnosis=diagnosis("unknown", confidence=0.0)), "open"),
        ("transient", facts(diagnosis=diagnosis("cancelled")), "ignored"),
        ("confidence", facts(diagnosis=diagnosis(confidence=0.49)), "open"),
        ("attempts", facts(reruns=2), "escalated"),
        ("attempts", facts(run(attempt=3)), "escalated"),
        ("superseded", facts(run(head_sha="beef")), "superseded"),
        ("superseded", facts(run(head_sha="")), "superseded"),
        ("own_actor", facts(run(actor="guard[bot]")), "open"),
        ("never_rerun", facts(run(job("deploy-eu"))), "open"),
        ("never_rerun", facts(run(job("Deploy to production"))), "open"),
        ("never_rerun", facts(run(job("build-and-deploy"))), "open"),
        ("never_rerun", facts(run(job("build / publish wheels"))), "open"),
        ("never_rerun", facts(run(job("ci / release (eu)"))), "open"),
        ("never_rerun", facts(run(workflow="Release")), "open"),
        ("possible", facts(capabilities=frozenset({"comment"})), "open"),
    ],
)
def test_each_guard_refuses_in_its_own_words(guard, some_facts, status):
    found = plan(some_facts)
    assert found.steps == ()
    assert guard in {refusal.guard for refusal in found.refusals}
    assert all(refusal.reason.endswith(".") for refusal in found.refusals)
    assert found.status == status


@pytest.mark.parametrize(
    "some_facts",
    [
        facts(reruns=1),
        facts(run(attempt=2)),
        facts(run(head_sha=None)),
        facts(run(commit=None)),
        facts(identity=None),
        facts(run(job("test (ubuntu, release)"))),
    ],
)
def test_what_is_no_reason_to_refuse(some_facts):
    assert plan(some_facts).status == "healing"


def test_every_refusal_is_kept_not_only_the_first():
    found = plan(facts(run(job("deploy"), head_sha="beef"), diagnosis=diagnosis("crash"), reruns=5))
    assert [refusal.guard for refusal in found.refusals] == [
        "transient", "attempts", "superseded", "never_rerun",
    ]  # fmt: skip


@pytest.mark.parametrize(("mode", "status"), [("observe", "observed"), ("suggest", "open")])
def test_without_act_the_plan_says_what_would_have_been_done(mode, status):
    found = plan(facts(), Policy(mode=mode))
    assert found.status == status
    assert [step.kind for step in found.steps] == ["rerun"]
    assert [refusal.guard for refusal in found.refusals] == ["mode"]


def test_a_deploy_that_failed_beside_is_not_touched():
    jobs = (job("test"), job("deploy"))
    a_run = run(*jobs)
    test, deploy = plans([facts(a_run, item) for item in jobs])
    assert test.steps[0].params == {"scope": "job", "job": "id-test"}
    assert deploy.steps == ()


def test_only_one_job_at_a_time_when_not_all_may_be_re_run():
    jobs = (job("a"), job("b"), job("deploy"))
    a_run = run(*jobs)
    first, second, third = plans([facts(a_run, item) for item in jobs])
    assert first.status == "healing"
    assert (second.steps, third.steps) == ((), ())
    assert "one_at_a_time" in {refusal.guard for refusal in second.refusals}


def test_a_failed_job_that_was_not_diagnosed_keeps_the_others_from_a_common_re_run():
    jobs = (job("a"), job("b"))
    found = plan(facts(run(*jobs), jobs[0]))
    assert found.steps[0].params["scope"] == "job"


def test_where_only_the_whole_run_can_be_re_run_a_mixed_run_is_left_alone():
    jobs = (job("a"), job("deploy"))
    only_run = frozenset({"rerun_run"})
    found = plans([facts(run(*jobs), item, capabilities=only_run) for item in jobs])
    assert [item.steps for item in found] == [(), ()]
    alone = plan(facts(run(job("a")), capabilities=only_run))
    assert alone.steps[0].params == {"scope": "run"}
