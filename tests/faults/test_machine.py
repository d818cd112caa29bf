"""Any order of deliveries, ends, crashes, limits and leaps of time leaves the promises kept."""

from pathlib import Path

import stamina
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.faults.world_under_test import Service, service

MOST = 2
"""Re-runs of one job at one commit that the policy lets happen."""
LOGS = {
    "transient": "curl: (6) Could not resolve host: mirror.example\n##[error]exit code 6.\n",
    "genuine": "=== 1 failed, 8 passed in 0.20s ===\n##[error]exit code 1.\n",
}
FINAL = {"open", "healed", "escalated", "superseded", "ignored"}
RUNS, COMMENTS = "/actions/runs/", "/comments"
TROUBLE = st.sampled_from(
    [
        ("none",),
        ("crash", "before"),
        ("crash", "after"),
        ("502", "GET", RUNS, False),
        ("502", "POST", RUNS, False),
        ("502", "POST", RUNS, True),
        ("502", "POST", COMMENTS, True),
        ("limit", "GET", RUNS),
        ("limit", "POST", RUNS),
        ("limit", "POST", COMMENTS),
    ]
)
"""At the next such call: the process ends, or an answer is lost before or after the work."""
WHICH = st.integers(0, 2)
EVENT = st.sampled_from(["workflow_run", "workflow_job"])
AGED = (("failures", "created_at"), ("actions", "created_at"), ("deliveries", "received_at"))


class Machine(RuleBasedStateMachine):
    """`hooks` are deliveries GitHub made, to come late, again, or in another order."""

    world: Service
    hooks = Bundle("hooks")

    @initialize()
    def begin(self) -> None:
        self.world.clear()
        self.github = self.world.github
        self.github.add_pull()
        self.made = []

    def running(self):
        return [item for item in self.made if item[0].conclusion is None]

    @precondition(lambda self: len(self.made) < 3)
    @rule(log=st.sampled_from(["transient", "transient", "genuine"]), event=EVENT, trouble=TROUBLE)
    def fail(self, log, event, trouble):
        run = self.github.add_run(log=LOGS[log], workflow=f"CI {len(self.made)}")
        self.made.append((run, log))
        self.bring(trouble)
        assert self.world.deliver(self.github.webhook(event, run)) == [202]

    @precondition(lambda self: self.made)
    @rule(target=hooks, which=WHICH, event=EVENT, trouble=TROUBLE)
    def deliver(self, which, event, trouble):
        self.bring(trouble)
        hook = self.github.webhook(event, self.made[which % len(self.made)][0])
        assert self.world.deliver(hook)[0] in (200, 202)
        return hook

    @rule(hook=hooks)
    def deliver_late_or_again(self, hook):
        assert self.world.deliver(hook)[0] in (200, 202)
        assert self.world.deliver(hook) == [200]

    @precondition(lambda self: self.running())
    @rule(target=hooks, which=WHICH, passed=st.booleans())
    def end(self, which, passed):
        """The attempt ends; that its webhook comes at once, late or never is another rule's."""
        run, log = self.running()[which % len(self.running())]
        self.github.finish_run(run, "success" if passed else "failure", LOGS[log])
        return self.github.webhook("workflow_run", run)

    def bring(self, trouble):
        """What goes wrong at the next call that it fits."""
        kind, *how = trouble
        if kind == "crash":
            (self.world.crash,) = how
        elif kind == "502":
            self.github.fail(*how[:2], 502, after=how[2])
        elif kind == "limit":
            self.github.limit(*how, after=600)

    @rule(minutes=st.sampled_from([1, 30, 600]), trouble=TROUBLE)
    def time_leaps(self, minutes, trouble=("none",)):
        self.bring(trouble)
        for table, column in AGED:
            self.world.sql(f"UPDATE {table} SET {column} = {column} - interval '{minutes} min'")
        self.world.hurry()

    @invariant()
    def re_runs_are_bounded(self):
        for run, log in self.made if hasattr(self, "made") else ():
            assert run.attempt <= 1 + (MOST if log == "transient" else 0)

    @invariant()
    def nothing_is_done_without_a_stored_plan_or_twice(self):
        if not hasattr(self, "made"):
            return
        planned = self.world.sql(
            'SELECT run_id, run_attempt FROM failures WHERE plan @> \'{"steps":'
            ' [{"kind": "rerun"}]}\' GROUP BY 1, 2'
        )
        intended = self.world.sql("SELECT run_id, run_attempt FROM actions WHERE kind = 'rerun'")
        assert len(intended) == len(set(intended))
        assert set(intended) <= set(planned)
        for run, _ in self.made:
            caused = {(str(run.id), attempt) for attempt in range(1, run.attempt)}
            assert caused <= set(intended)
        assert len(self.github.world.repos["acme/shop"].comments) <= 1

    def teardown(self):
        """The world calms down; then everything has come to an end."""
        if not hasattr(self, "made"):
            return
        self.world.crash = None
        self.github.world.faults.clear()
        for _ in range(MOST + 1):
            for run, log in self.made:
                if run.conclusion is None:
                    self.github.finish_run(run, "failure", LOGS[log])
            hooks = [self.github.webhook("workflow_run", run) for run, _ in self.made]
            self.world.deliver(*hooks)
            self.time_leaps(30)
        self.nothing_is_done_without_a_stored_plan_or_twice()
        self.re_runs_are_bounded()
        found = self.world.sql("SELECT status, run_id, run_attempt FROM failures")
        assert {row[0] for row in found} <= FINAL, found
        assert {row[1] for row in found} == {str(run.id) for run, _ in self.made}


def test_every_order_of_events_keeps_the_promises(github, database_url: str, tmp_path: Path):
    with service(database_url, github, tmp_path) as running, stamina.set_testing(True, attempts=2):
        bound = type("Bound", (Machine,), {"world": running})
        run_state_machine_as_test(
            bound,
            settings=settings(
                max_examples=16,
                stateful_step_count=12,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],  # a failing history is short enough as it is
                suppress_health_check=list(HealthCheck),
            ),
        )
