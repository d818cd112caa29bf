"""What is counted for and against a rule."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update
from tests.stages.decide.test_decide import diagnosis, job, run

from pipeline_guard.domain.plan import Plan, Step
from pipeline_guard.domain.trust import WINDOW
from pipeline_guard.store import failures, labels, trust
from pipeline_guard.store.tables import Failure

SINCE = datetime.now(UTC) - timedelta(days=1)
DNS = diagnosis(rule="dns", rule_version="2")
RERUN = Plan((Step("rerun"),), status="healing")


@pytest.fixture
def store(session):
    """Stores a failure in a run of its own."""
    count = 0

    async def add(passed: bool | None, label: str | None = None, cause=DNS) -> int:
        nonlocal count
        count += 1
        found = await failures.add(session, run(run_id=str(count)), job(), cause, RERUN)
        await session.execute(update(Failure).where(Failure.id == found).values(next_passed=passed))
        if label:
            labels.add(session, [found], label, "ann")
            await session.flush()
        return found

    return add


@pytest.mark.parametrize(
    ("passed", "label", "counts"),
    [
        (True, None, (True,)),
        (False, None, (False,)),
        (None, None, ()),
        (True, "crash", (False,)),
        (True, "network_transient", (True,)),
        (None, "crash", (False,)),
        (None, "network_transient", ()),
    ],
)
async def test_outcomes_and_labels_count(session, store, passed, label, counts):
    await store(passed, label)
    assert (await trust.of_rule(session, "dns", "2", SINCE)).outcomes == counts


async def test_the_newest_label_counts(session, store):
    number = await store(None, "crash")
    labels.add(session, [number], "network_transient", "ann")
    await session.flush()
    assert (await trust.of_rule(session, "dns", "2", SINCE)).outcomes == ()


async def test_only_the_same_text_counts_and_the_newest_come_first(session, store):
    await store(False)
    await store(True)
    await store(False, cause=replace(DNS, rule_version="1"))
    await store(False, cause=replace(DNS, rule="tcp"))
    await store(False, cause=replace(DNS, transient=False))
    found = await trust.of_rule(session, "dns", "2", SINCE)
    assert found.outcomes == (True, False)
    assert found.last_rerun is not None
    everything = await trust.of_all(session, SINCE)
    assert {rule: item.version for rule, item in everything.items()} == {"dns": "1", "tcp": "2"}


async def test_older_outcomes_than_the_window_are_forgotten(session, store):
    for _ in range(3):
        await store(False)
    for _ in range(WINDOW):
        await store(True)
    assert (await trust.of_rule(session, "dns", "2", SINCE)).outcomes == (True,) * WINDOW


async def test_outcomes_of_a_rule_are_read_from_their_index(session):
    await session.execute(text("SET LOCAL enable_seqscan = off"))
    plan = await session.execute(
        text(
            "EXPLAIN SELECT id FROM failures WHERE transient AND rule = 'r'"
            " AND next_passed IS NOT NULL"
        )
    )
    assert "ix_failures_rule" in str(plan.all())
