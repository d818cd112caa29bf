"""Each guard of issues, quarantine, labels and cancelling by a table, as for re-runs."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.stages.decide.test_decide import EVERYTHING, NOW, diagnosis, facts, run
from tests.stages.decide.test_guards import policy

from pipeline_guard.domain.changes import Declined, PreparedPatch, Quarantine
from pipeline_guard.domain.incident import OpenIncident
from pipeline_guard.domain.plan import Plan, Refusal, Step
from pipeline_guard.domain.runs import ChangeRequest
from pipeline_guard.remedies.quarantine import print_of
from pipeline_guard.stages.decide.facts import Seen
from pipeline_guard.stages.decide.proposers import cancel, issue, label, patch, quarantine
from pipeline_guard.stages.decide.proposers.base import ALWAYS

CAN = EVERYTHING | {"changes", "issues", "labels", "cancel"}
ON = {
    "issue": {"enabled": True, "after": 2},
    "label": {"enabled": True},
    "cancel": {"enabled": True},
    "quarantine": {"mode": "act"},
}
GENUINE = diagnosis("test_failure", fingerprint="f1")
DIFF = "--- a/tests/test_a.py\n+++ b/tests/test_a.py\n@@ -1 +1,2 @@\n+# mark\n x = 1\n"
MARK = PreparedPatch("it failed and passed", DIFF, ("tests/test_a.py",), 1, "c0ffee")
FLAKY = Quarantine("tests/test_a.py::test_a", 3, "2026-12-05", ("@acme/core",), MARK)
MANY = Seen(5, NOW - timedelta(days=2))
PAST = {"from": "2026-11-21T11:00Z", "to": "2026-11-21T13:00Z"}
REPLACED = run(status="in_progress", conclusion=None, head_sha="beef")


def offered(kind, values=None, **changes):
    """What the proposer of that kind says to a failure that it would act on."""
    rules = policy(**(ON | (values or {})))
    given = {"diagnosis": GENUINE, "capabilities": CAN, "seen": MANY, "quarantine": FLAKY} | changes
    given.setdefault("a_run", REPLACED if kind == "cancel" else None)
    if kind == "label":
        given["a_run"] = given["a_run"] or run(request=ChangeRequest(7))
    some = facts(given.pop("a_run"), **given)
    if kind == "cancel":
        return cancel.propose(some, rules, NOW)
    proposers = {"issue": issue, "label": label, "quarantine": quarantine}
    return proposers[kind].propose(some, rules, Plan(), NOW)


TABLE = [
    ("issue", "seen_enough", {"seen": Seen(0)}),
    ("issue", "in_incident", {"incident": OpenIncident(7, NOW, 12, 3)}),
    ("issue", "declined", {"declined": (Declined("issue", "f1", "3"),)}),
    ("quarantine", "own_branch", {"a_run": run(branch="pipeline-guard/x")}),
    ("quarantine", "owner", {"quarantine": replace(FLAKY, owners=())}),
    ("quarantine", "path", {"quarantine": replace(FLAKY, patch=replace(MARK, paths=("../a",)))}),
    ("quarantine", "proven", {"quarantine": replace(FLAKY, proofs=2)}),
    ("quarantine", "usable", {"quarantine": replace(FLAKY, patch=None, problem="It is gone.")}),
    ("quarantine", "declined", {
        "declined": (Declined("quarantine", print_of(FLAKY.test), "3", paths=MARK.paths),)}),
    ("cancel", "holds_protected", {"protected_beside": ("deploy",)}),
    *((kind, "superseded", {"a_run": run(head_sha="beef")}) for kind in ("issue", "quarantine")),
    *((kind, "own_actor", {"a_run": run(actor="guard[bot]")}) for kind in ("issue", "quarantine")),
    *((kind, "maintenance", {"values": {"maintenance": [PAST]}}) for kind in ON),
    *((kind, "possible", {"capabilities": EVERYTHING}) for kind in ON),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "guard", "changes"), TABLE)
def test_each_guard_keeps_its_step_out_in_its_own_words(kind, guard, changes):
    found = offered(kind, **changes)
    assert found
    assert all(isinstance(item, Refusal) and item.step == kind for item in found)
    assert guard in {item.guard for item in found}
    assert all(item.reason.endswith(".") for item in found)


@pytest.mark.parametrize("kind", ON)
@pytest.mark.parametrize(
    ("guard", "changes"),
    [
        ("mode", {"values": {"mode": "suggest"}}),
        ("mode", {"values": {"mode": "observe"}}),
        ("kill_switch", {"values": {"enabled": False}}),
        ("switched_off", {"switched_off": "ann"}),
    ],
)
def test_what_only_keeps_hands_still_leaves_the_step_as_what_would_be_done(kind, guard, changes):
    (step,) = offered(kind)
    assert isinstance(step, Step)
    step, *against = offered(kind, **changes)
    assert isinstance(step, Step)
    assert [item.guard for item in against] == [guard]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("issue", {"values": {"issue": {"enabled": False}}}),
        ("issue", {"a_run": run(request=ChangeRequest(7))}),
        ("issue", {"a_run": run(branch="feature")}),
        ("issue", {"diagnosis": diagnosis("network_transient", fingerprint="f1")}),
        ("label", {"values": {"label": {"enabled": False}}}),
        ("label", {"diagnosis": diagnosis("cancelled")}),
        ("cancel", {"values": {"cancel": {"enabled": False}}}),
        ("cancel", {"a_run": run(status="in_progress", conclusion=None)}),
        ("cancel", {"a_run": run(head_sha="beef")}),
        ("quarantine", {"quarantine": None}),
    ],
)
def test_where_a_remedy_has_nothing_to_offer_it_says_nothing(kind, changes):
    assert offered(kind, **changes) == ()


def test_every_guard_of_every_proposer_is_in_a_table():
    of_patch = {"own_branch", "fingerprint", "cause", "size", "harmless", "fork", "protected",
                "declined"}  # fmt: skip
    tried = {(kind, guard) for kind, guard, _ in TABLE} | {("patch", name) for name in of_patch}
    for kind, module in (("issue", issue), ("quarantine", quarantine), ("cancel", cancel),
                         ("patch", patch)):  # fmt: skip
        assert {(kind, guard.__name__) for guard in module.GUARDS} <= tried
    idle = {"kill_switch", "switched_off"}
    assert {guard.__name__ for guard in ALWAYS} - idle <= {guard for _, guard, _ in TABLE}
