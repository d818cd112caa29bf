"""Each guard by a table: what it refuses, and what it lets pass."""

from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from tests.stages.decide.test_decide import ACT, NOW, diagnosis, facts, job, plan, plans, run

from pipeline_guard.domain.chance import Record, Tally
from pipeline_guard.domain.incident import OpenIncident
from pipeline_guard.domain.runs import ChangeRequest
from pipeline_guard.domain.trust import RuleTrust
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.decide.case import Case
from pipeline_guard.stages.decide.choice import choice
from pipeline_guard.stages.decide.decide import decide
from pipeline_guard.stages.decide.facts import Spent, as_json, from_json
from pipeline_guard.stages.decide.guards import GUARDS, refusals

FORK = ChangeRequest(7, from_fork=True, target_branch="main")
STRANGER = ChangeRequest(7, from_fork=True, first_time_author=True)
OURS = ChangeRequest(7, first_time_author=True, target_branch="main")


def request(found: ChangeRequest):
    return facts(run(request=found))


def tried(tries: int, ours: int = 0):
    return facts(run(), replace(job(), tries=tries), reruns=ours)


def took(minutes: float, **more):
    return facts(run(), replace(job(), seconds=minutes * 60), **more)


def red(failed: int, jobs: int):
    return facts(failed_jobs=failed, all_jobs=jobs)


def genuine(passed: int, ended: int, category: str = "test_failure", **more):
    """A failure that reads as genuine, with what its earlier unchanged re-runs came to."""
    known = Record(fingerprint=Tally(passed, ended))
    return facts(diagnosis=diagnosis(category), outcomes=known, **more)


def ended(days: float, **more):
    created = NOW - timedelta(days=days)
    return facts(run(rerun_until=created + timedelta(days=30), **more))


def ago(minutes: float):
    return NOW - timedelta(minutes=minutes)


def policy(**values):
    return Policy.model_validate({"mode": "act"} | values)


REFUSED = [
        ("transient", genuine(0, 0), {}, "open"),
        ("transient", genuine(1, 1), {}, "open"),
        ("transient", genuine(2, 5), {}, "open"),
        ("transient", genuine(9, 9, "cancelled"), {}, "ignored"),
        ("transient", genuine(9, 9, "unknown"), {}, "open"),
        ("category", genuine(9, 9), {"categories": {"never": ["test_failure"]}}, "open"),
        ("attempts", genuine(9, 9, reruns=2), {}, "escalated"),
        ("worth", genuine(2, 4), {"worth": {"rerun_costs": 29}}, "escalated"),
        ("confidence", facts(diagnosis=diagnosis(confidence=0.49)), {}, "open"),
        ("superseded", facts(run(head_sha="beef")), {}, "superseded"),
        ("own_actor", facts(run(actor="guard[bot]")), {}, "open"),
        ("never_rerun", facts(run(job("deploy"))), {}, "open"),
        ("possible", facts(capabilities=frozenset({"comment"})), {}, "open"),
        ("switched_off", facts(switched_off="ann"), {}, "open"),
        ("mode", facts(), {"mode": "suggest"}, "open"),
        ("mode", facts(), {"mode": "observe"}, "observed"),
        ("category", facts(), {"categories": {"never": ["network_transient"]}}, "open"),
        ("attempts", facts(reruns=1), {"max_reruns": 1}, "escalated"),
        ("attempts", facts(), {"max_reruns": 0}, "escalated"),
        ("natively_retried", tried(2), {}, "escalated"),
        ("natively_retried", tried(4, ours=1), {"max_reruns": 9}, "escalated"),
        ("base_attempts", facts(base_reruns=100), {}, "escalated"),
        ("base_attempts", facts(base_reruns=3), {"max_reruns_per_base": 3}, "escalated"),
        ("cool_down", facts(last_rerun=ago(9)), {"cool_down": 10}, "open"),
        ("worth", facts(outcomes=Record(fingerprint=Tally(0, 8))), {}, "escalated"),
        ("worth", took(300), {}, "escalated"),
        ("worth", facts(), {"worth": {"green_saves": 8}}, "escalated"),
        ("breadth", red(11, 100), {}, "open"),
        ("breadth", red(5, 9), {}, "open"),
        ("breadth", red(6, 10), {"breadth": {"max_failed": 5, "max_share": 1}}, "open"),
        ("same_on_target", facts(run(request=OURS), on_target=ago(60)), {}, "escalated"),
        ("incident", facts(incident=OpenIncident(7, ago(9), 12, 3)), {}, "open"),
        ("dependents", facts(starts_again=("deploy",)), {"let_protected_start": True}, "open"),
        ("dependents", facts(run(request=OURS), starts_again=("deploy",)), {}, "open"),
        ("dependents", facts(starts_first=("deploy",)), {}, "open"),
        ("permission", facts(missing_right="the permission Actions: write"), {}, "open"),
        ("forks", request(STRANGER), {}, "open"),
        ("forks", request(FORK), {"forks": {"rerun": False}}, "open"),
        ("platform_limits", facts(run(reruns_left=0)), {}, "open"),
        ("platform_limits", ended(30.1, finished_at=NOW), {}, "open"),
        ("budget", facts(repository=Spent(5)), {"budgets": {"reruns_per_day": 5}}, "open"),
        ("budget", took(3, repository=Spent(1, 8.0)), {"budgets": {"minutes_per_day": 10}}, "open"),
        ("budget", took(3, repository=Spent(1, 8.0, 4.8)),
         {"budgets": {"money_per_day": 5}, "prices": {"*": 0.1}}, "open"),
        ("budget", took(3, organisation=Spent(1, 8.0, 4.8)),
         {"organisation_budgets": {"money_per_day": 5}, "prices": {"*": 0.1}}, "open"),
        ("worth", took(20), {"prices": {"*": 1}}, "escalated"),
        ("budget", facts(organisation=Spent(9)),
         {"organisation_budgets": {"reruns_per_day": 9}}, "open"),
        ("maintenance", facts(),
         {"maintenance": [{"from": "11:00", "to": "13:00"}]}, "open"),
        ("rule_trust", facts(trust=RuleTrust("dns", "1", (False,) * 10, ago(30))), {}, "open"),
        ("kill_switch", facts(), {"enabled": False}, "open"),
]  # fmt: skip


@pytest.mark.parametrize(("guard", "some_facts", "values", "status"), REFUSED)
def test_each_guard_refuses_in_its_own_words(guard, some_facts, values, status):
    found = plan(some_facts, policy(**values))
    assert [refusal.guard for refusal in found.refusals] == [guard]
    assert found.refusals[0].reason.endswith(".")
    assert found.status == status


@pytest.mark.parametrize(
    ("some_facts", "values"),
    [
        (tried(1), {}),
        (tried(2, ours=1), {}),
        (facts(run(attempt=3), replace(job(), tries=1)), {}),
        (facts(base_reruns=19), {}),
        (facts(last_rerun=ago(11)), {"cool_down": 10}),
        (facts(last_rerun=ago(1)), {}),
        (facts(outcomes=Record(fingerprint=Tally(0, 1))), {}),
        (took(100), {}),
        (facts(), {"worth": {"green_saves": 9}}),
        (red(4, 4), {}),
        (red(10, 20), {}),
        (request(FORK), {}),
        (request(STRANGER), {"forks": {"first_time": True}}),
        (request(OURS), {"forks": {"rerun": False}}),
        (facts(run(reruns_left=1)), {}),
        (ended(29.9), {}),
        (ended(31, finished_at=NOW - timedelta(days=2)), {}),
        (facts(incident=OpenIncident(7, ago(99), 12, 3, probe=True)), {}),
        (facts(trust=RuleTrust("dns", "1", (False,) * 10, ago(361))), {}),
        (facts(trust=RuleTrust("dns", "1", (False,) * 9, ago(30))), {}),
        (facts(starts_first=("deploy",)), {"let_protected_start": True}),
        (facts(run(request=OURS), starts_first=("deploy",)), {}),
        (facts(repository=Spent(4)), {"budgets": {"reruns_per_day": 5}}),
        (facts(repository=Spent(1, 9.0)), {"budgets": {"minutes_per_day": 10}}),
        (
            took(3, repository=Spent(1, 8.0, 4.6)),
            {"budgets": {"money_per_day": 5}, "prices": {"*": 0.1}},
        ),
        (took(20), {"prices": {"macos*": 1}}),
        (facts(repository=Spent(99)), {"organisation_budgets": {"reruns_per_day": 9}}),
        (facts(), {"maintenance": [{"from": "12:01", "to": "13:00"}]}),
        (genuine(2, 2), {}),
        (genuine(3, 6), {}),
    ],
)
def test_what_is_no_reason_to_refuse(some_facts, values):
    assert refusals(some_facts, policy(**values), NOW) == ()


def test_every_guard_has_a_name_of_its_own_and_says_why():
    names = [guard.__name__ for guard in GUARDS]
    assert len(set(names)) == len(names)
    assert all(guard.__doc__ for guard in GUARDS)


def test_every_guard_is_in_the_table():
    assert {guard.__name__ for guard in GUARDS} == {row[0] for row in REFUSED}


def test_what_history_shows_to_be_flaky_is_re_run_and_says_by_how_much():
    found = plan(genuine(12, 14))
    assert found.status == "healing"
    assert found.summary == (
        "test_failure is flaky here: 12 of 14 unchanged re-runs passed; re-run 1 of at most 2."
    )


def test_a_genuine_failure_that_is_on_the_target_too_stays_open():
    found = plan(
        facts(run(request=OURS), diagnosis=diagnosis("test_failure"), on_target=ago(60)),
    )
    assert found.status == "open"
    assert "Not this change" in found.refusals[1].reason


def test_switched_off_keeps_what_would_have_been_done():
    found = plan(facts(), policy(enabled=False))
    assert [step.kind for step in found.steps] == ["rerun"]


def test_of_an_unknown_cause_nobody_says_that_a_re_run_would_not_help():
    unknown = diagnosis("unknown", source="none", confidence=0.0)
    found = refusals(facts(diagnosis=unknown), policy(), NOW)
    assert next(item.reason for item in found if item.guard == "transient").startswith("Nobody can")


def test_a_demoted_rule_still_says_what_it_would_have_done():
    found = plan(facts(trust=RuleTrust("dns", "1", (False,) * 10, ago(30))))
    assert [step.kind for step in found.steps] == ["rerun"]
    assert "The rule dns is demoted" in found.refusals[0].reason


@pytest.mark.parametrize(
    ("name", "protected"),
    [
        ("Deploy to production", True), ("release", True), ("Create GitHub Release", True),
        ("semantic-release", True), ("GoReleaser", True), ("ci / publish npm", True),
        ("Terraform apply (prod)", True), ("rollout", True), ("test", False),
        ("production", True), ("terraform-apply", True), ("npm release", True),
        ("build-and-release", True), ("Upload to PyPI", True), ("Roll out", True),
        ("product tests", False), ("e2e production build", False), ("npm test", False),
        ("Linux x64 Release", False), ("build (release)", False), ("terraform plan", False),
    ],
)  # fmt: skip
def test_the_built_in_list_knows_what_deploys_and_releases_and_spares_builds(name, protected):
    found = refusals(facts(run(job(name))), policy(), NOW)
    assert ("never_rerun" in {item.guard for item in found}) is protected


@pytest.mark.parametrize(
    ("trigger", "protected"),
    [("release", True), ("deployment", True), ("pull_request", False), ("push", False)],
)
def test_what_a_release_or_deployment_started_is_protected_whatever_it_is_called(
    trigger, protected
):
    found = refusals(facts(run(job("build"), trigger=trigger)), policy(), NOW)
    assert ("never_rerun" in {item.guard for item in found}) is protected


def test_a_job_with_an_environment_is_protected_unless_the_policy_names_others():
    case = facts(run(replace(job("eu"), environment="Production")))
    (found,) = refusals(case, policy(), NOW)
    assert (found.guard, "deploys to 'Production'" in found.reason) == ("never_rerun", True)
    assert refusals(case, policy(protected_environments=("prod*",)), NOW)
    assert not refusals(case, policy(protected_environments=("staging",)), NOW)
    any_one = facts(run(replace(job("eu"), environment="${{ matrix.to }}")))
    assert refusals(any_one, policy(protected_environments=("staging",)), NOW)


def test_a_cancelled_deploy_is_not_taken_along():
    beside = {"protected_beside": ("deploy",)}
    found = plan(facts(**beside))
    assert found.steps[0].params["scope"] == "job"
    only_together = frozenset({"rerun_failed_jobs"})
    assert plan(facts(capabilities=only_together, **beside)).steps == ()


def test_jobs_of_different_modes_are_not_re_run_together():
    jobs = (job("a"), job("b"))
    some = [facts(run(*jobs), item) for item in jobs]
    watched, acted = decide([Case(some[0], Policy()), Case(some[1], ACT)], NOW)
    assert watched.status == "observed"
    assert acted.steps[0].params == {"scope": "job", "job": "id-b"}
    assert acted.status == "healing"


def test_a_re_run_is_planned_with_the_minutes_it_will_take():
    jobs = tuple(replace(job(name), seconds=90.0) for name in "ab")
    found = plans([facts(run(*jobs), item) for item in jobs])
    assert [item.steps[0].params["minutes"] for item in found] == [3.0, 3.0]


def test_a_genuine_failure_is_not_weighed():
    found = plan(
        facts(diagnosis=diagnosis("test_failure"), outcomes=Record(fingerprint=Tally(0, 9)))
    )
    assert [item.guard for item in found.refusals] == ["transient"]


def test_the_runner_of_a_job_prices_its_minutes():
    mac = replace(job(), seconds=600.0, runner=("self-hosted", "macOS-15"))
    prices = {"prices": {"*": 0.01, "macos*": 0.1}}
    found = plan(facts(run(), mac), policy(**prices))
    assert found.steps[0].params["money"] == 1.0
    other = plan(facts(run(), replace(mac, runner=())), policy(**prices))
    assert other.steps[0].params["money"] == 0.1


def test_stored_facts_are_the_same_facts():
    a_run = run(job(), request=FORK, rerun_until=NOW, hints={"any": "thing"})
    before = facts(a_run, on_target=NOW, repository=Spent(2, 1.5), protected_beside=("deploy",),
                   outcomes=Record(fingerprint=Tally(1, 2)))  # fmt: skip
    kept = as_json(before) | {"choice": choice(before, ACT)}
    after = from_json(kept, asdict(before.diagnosis))
    slim = replace(before, run=replace(a_run, jobs=(), hints={}))
    assert after == slim
    assert refusals(after, ACT, NOW) == refusals(before, ACT, NOW)
