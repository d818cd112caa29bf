"""`failures show`: what a decision rested on is told, all of it."""

from datetime import timedelta

from tests.stages.decide.test_decide import NOW, facts, job, plan, run

from pipeline_guard.cli.failures import _facts, _guards
from pipeline_guard.domain.changes import Declined
from pipeline_guard.domain.incident import OpenIncident
from pipeline_guard.domain.trust import RuleTrust
from pipeline_guard.policy.layers import Setting, Target, resolve
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.decide.case import Case
from pipeline_guard.stages.decide.facts import Facts, Seen, Spent
from pipeline_guard.stages.decide.guards import GUARDS
from pipeline_guard.stages.gather.gather import Gathered


def kept(some: Facts):
    resolved = resolve(None, Setting("act", "here"), None, Target("acme/shop"))
    stored = Gathered(Case(some, Policy(mode="act")), resolved).kept_with(plan(some))
    return {"facts": stored.facts, "refusals": [{"guard": r.guard} for r in stored.refusals]}


def test_every_fact_that_a_guard_may_ask_for_is_told():
    some = facts(
        run(job("deploy")), missing_right="the scope repo", reruns=3, base_reruns=4,
        last_rerun=NOW, on_target=NOW - timedelta(hours=1), protected_beside=("a",),
        starts_again=("b",), starts_first=("c",), seen=Seen(5), switched_off="ann",
        trust=RuleTrust("dns", "1", (True, False)), incident=OpenIncident(7, NOW, 9, 2, probe=True),
        repository=Spent(2, 1.5), organisation=Spent(8, 4.0, 2.0),
        declined=(Declined("patch", "f", "12"),),
    )  # fmt: skip
    told = "\n".join(_facts(kept(some)["facts"]))
    for line in (
        "re-runs of this job at this commit: 3", "in 24 h: 4", "a common re-run would start: a",
        "may start again: b", "for the first time: c", "in 7 days: 5", "switched off: ann",
        "by the rule that passed: 1 of 2", "incident: 7, as its probe", "#12",
        "repository in 24 h: 2, 1.5 minutes", "organisation in 24 h: 8, 4.0 minutes, 2.00 in money",
        "our credentials lack: the scope repo", "our own login: guard[bot]",
        "same failure on the target branch: 2026", "newest of them: 2026",
    ):  # fmt: skip
        assert line in told, line


def test_the_guards_that_refused_and_those_that_did_not_are_named():
    refused, silent = _guards(kept(facts(run(job("deploy"), head_sha="beef"))))
    assert refused == "  refused: never_rerun, superseded"
    named = silent.partition(": ")[2].split(", ")
    assert len(named) == len(GUARDS) - 2
    assert "worth" in named


def test_a_plan_of_an_older_version_is_told_with_what_it_has():
    old = kept(facts())["facts"]
    for name in ("guards", "starts_again", "seen", "declined", "missing_right", "organisation"):
        old.pop(name)
    assert _facts(old)
    assert _guards({"facts": old, "refusals": []}) == ["  refused: none"]
