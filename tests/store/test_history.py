from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError
from tests.stages.decide.test_decide import diagnosis, job, run

from pipeline_guard.domain.plan import Plan, Refusal, Step, stored_plan
from pipeline_guard.domain.runs import ChangeRequest
from pipeline_guard.store import actions, failures, history
from pipeline_guard.store.tables import Failure

DAY_AGO = datetime.now(UTC) - timedelta(days=1)
RERUN = Plan(
    (Step("rerun", {"scope": "failed_jobs", "minutes": 2.5, "money": 0.5}),), status="healing"
)
OBSERVED = replace(RERUN, refusals=(Refusal("mode", "The mode is observe."),), status="observed")
PUSH = run(branch="dev")


@pytest.fixture
def store(session):
    """Stores a failure; returns its id."""

    async def add(a_run=PUSH, name="test", plan=RERUN, cause=None, days_ago: float = 0):
        found = await failures.add(session, a_run, job(name), cause or diagnosis(), plan)
        when = datetime.now(UTC) - timedelta(days=days_ago)
        await session.execute(
            update(Failure).where(Failure.id == found).values(created_at=when, rerun_passed=None)
        )
        return found

    return add


async def reruns(session, a_run=PUSH, name="test"):
    found = await history.reruns(session, a_run, [name], DAY_AGO)
    counts = found.get(name, history.Reruns())
    return counts.at_commit, counts.of_base


async def test_re_runs_count_from_the_moment_they_are_planned(session, store):
    assert await reruns(session) == (0, 0)
    await store()
    await store(name="other")
    assert await reruns(session) == (1, 1)
    await store(replace(PUSH, attempt=2))
    assert await reruns(session) == (2, 2)


async def test_a_new_commit_starts_one_count_anew_and_not_the_other(session, store):
    await store()
    assert await reruns(session, replace(PUSH, commit="beef")) == (0, 1)
    assert await reruns(session, replace(PUSH, branch="main")) == (1, 0)
    assert await reruns(session, replace(PUSH, workflow="nightly")) == (0, 0)
    assert await reruns(session, replace(PUSH, repository="acme/blog")) == (0, 0)


async def test_a_request_is_counted_apart_from_a_branch_of_that_name(session, store):
    of_request = replace(PUSH, request=ChangeRequest(7))
    await store(of_request)
    assert await reruns(session) == (1, 0)
    assert await reruns(session, of_request) == (1, 1)


async def test_what_was_not_asked_for_does_not_count(session, store):
    await store(plan=OBSERVED)
    assert await reruns(session) == (0, 0)
    refused = await store(replace(PUSH, attempt=2))
    intent = await actions.intend(
        session, PUSH, attempt=2, kind="rerun", key="k", params={}, failure_ids=[refused]
    )
    await actions.finish(session, intent.id, "failed")
    assert await reruns(session) == (0, 0)
    assert await history.spent(session, PUSH, DAY_AGO) == (0, 0.0, 0.0)


async def test_yesterdays_re_runs_count_for_the_commit_only(session, store):
    await store(days_ago=1.1)
    assert await reruns(session) == (1, 0)


async def test_what_was_spent_counts_a_run_once_however_many_jobs_it_had(session, store):
    await store()
    await store(name="lint")
    await store(replace(PUSH, attempt=2))
    await store(replace(PUSH, repository="acme/blog"))
    await store(replace(PUSH, run_id="9"), days_ago=2)
    assert await history.spent(session, PUSH, DAY_AGO) == (2, 5.0, 1.0)
    assert await history.spent(session, PUSH, DAY_AGO, organisation=True) == (3, 7.5, 1.5)


async def test_an_organisation_is_what_stands_before_the_first_slash(session, store):
    names = ("acme/shop", "acme/team/blog", "acme2/shop", "a_me/shop", "shop", "blog")
    for name in names:
        await store(replace(PUSH, repository=name))
    await store(replace(PUSH, platform="gitlab"))

    async def count(name: str) -> int:
        run = replace(PUSH, repository=name)
        return (await history.spent(session, run, DAY_AGO, organisation=True))[0]

    assert [await count(name) for name in names] == [2, 2, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("changes", "passed", "found"),
    [
        ({"branch": "main"}, False, True),
        ({"branch": "main"}, True, False),
        ({"branch": "main"}, None, False),
        ({"branch": "dev"}, False, False),
        ({"branch": "main", "request": ChangeRequest(3)}, False, False),
        ({"branch": "main", "repository": "acme/blog"}, False, False),
    ],
)
async def test_a_failure_is_on_the_target_when_it_stayed_there(
    session, store, changes, passed, found
):
    cause = diagnosis(fingerprint="f1")
    number = await store(replace(PUSH, **changes), cause=cause)
    await session.execute(update(Failure).where(Failure.id == number).values(rerun_passed=passed))
    there = await history.on_branch(session, PUSH, "main", ["f1", ""], DAY_AGO)
    assert list(there) == (["f1"] if found else [])


async def test_a_genuine_failure_is_on_the_target_without_a_re_run(session, store):
    await store(replace(PUSH, branch="main"), cause=diagnosis("crash", fingerprint="f1"))
    assert list(await history.on_branch(session, PUSH, "main", ["f1"], DAY_AGO)) == ["f1"]


async def test_lately_planned_re_runs_are_read_from_their_index(session):
    await session.execute(text("SET LOCAL enable_seqscan = off"))
    await session.execute(text("SET LOCAL enable_indexscan = off"))
    plan = await session.execute(
        text(
            "EXPLAIN SELECT count(*) FROM failures WHERE created_at >= now() AND "
            + history.PLANNED_RERUN
        )
    )
    assert "ix_failures_planned_reruns" in str(plan.all())


async def ended(session, number: int, *, passed: bool) -> None:
    await session.execute(update(Failure).where(Failure.id == number).values(next_passed=passed))


async def outcomes(session, cause):
    found = await history.outcomes(session, PUSH, cause, DAY_AGO)
    return [(item.passed, item.ended) for item in (found.category, found.rule, found.fingerprint)]


async def test_outcomes_count_on_the_narrowest_level_that_they_share(session, store):
    this = diagnosis(rule="dns", rule_version="1", fingerprint="f1")
    others = [
        (this, True),
        (replace(this, fingerprint="f2"), True),
        (replace(this, rule_version="0", fingerprint="f3"), True),
        (replace(this, rule="tcp", fingerprint="f4"), False),
        (replace(this, rule=None, rule_version=None, fingerprint=""), False),
        (replace(this, transient=False), True),
        (diagnosis("rate_limit"), True),
    ]
    for number, (cause, passed) in enumerate(others):
        a_run = replace(PUSH, run_id=str(number))
        await ended(session, await store(a_run, cause=cause), passed=passed)
    await store(replace(PUSH, run_id="not ended"), cause=this)
    await ended(
        session, await store(replace(PUSH, run_id="old"), cause=this, days_ago=2), passed=False
    )
    assert await outcomes(session, this) == [(1, 3), (1, 1), (1, 1)]
    unnamed = replace(this, rule=None, rule_version=None, fingerprint="")
    assert await outcomes(session, unnamed) == [(3, 5), (0, 0), (0, 0)]


async def test_what_reads_as_genuine_is_the_same_only_with_its_tests_in_its_repository(
    session, store
):
    this = diagnosis("test_failure", transient=False, fingerprint="f1", failed_tests=("a",))
    others = [
        (this, PUSH),
        (replace(this, failed_tests=("a", "b")), PUSH),
        (this, replace(PUSH, repository="acme/blog")),
        (replace(this, transient=True), PUSH),
    ]
    for number, (cause, a_run) in enumerate(others):
        stored = await store(replace(a_run, run_id=str(number)), cause=cause)
        await ended(session, stored, passed=True)
    assert await outcomes(session, this) == [(0, 0), (2, 2), (1, 1)]


async def test_what_neither_a_test_nor_a_rule_names_proves_nothing(session, store):
    vague = diagnosis("compile_error", transient=False, fingerprint="f1", rule=None)
    named = replace(vague, rule="compile-c", fingerprint="f2")
    for number, cause in enumerate((vague, vague, named, named)):
        stored = await store(replace(PUSH, run_id=str(number)), cause=cause)
        await ended(session, stored, passed=True)
    assert (await outcomes(session, vague))[-1] == (0, 0)
    assert (await outcomes(session, named))[-1] == (2, 2)


async def test_outcomes_are_read_from_their_index(session):
    await session.execute(text("SET LOCAL enable_seqscan = off"))
    await session.execute(text("SET LOCAL enable_bitmapscan = off"))
    plan = await session.execute(
        text(
            "EXPLAIN SELECT count(*) FILTER (WHERE rule = 'r' AND rule_version = 'v') FROM failures"
            " WHERE category = 'x' AND transient IS true AND created_at >= now()"
            " AND next_passed IS NOT NULL"
        )
    )
    assert "Index Only Scan using ix_failures_outcomes" in str(plan.all())


async def test_steps_of_other_kinds_are_no_re_runs_and_their_refusals_hold_none_back(
    session, store
):
    patch = Step("patch", {"files": {}})
    told = Plan((patch,), (Refusal("transient", "It is genuine."),), "open")
    await store(plan=told)
    await store(plan=replace(told, refusals=()))
    assert await reruns(session) == (0, 0)
    both = Plan((patch, *RERUN.steps), (Refusal("fork", "It is a fork.", "patch"),), "healing")
    number = await store(replace(PUSH, attempt=2), plan=both)
    assert await reruns(session) == (1, 1)
    assert await history.spent(session, PUSH, DAY_AGO) == (1, 2.5, 0.5)
    refused = await actions.intend(
        session, PUSH, attempt=2, kind="patch", key="p", params={}, failure_ids=[number]
    )
    await actions.finish(session, refused.id, "failed")
    assert await reruns(session) == (1, 1)


async def test_refusals_stored_before_there_were_other_steps_are_of_re_runs(session, store):
    number = await store(plan=OBSERVED)
    await session.execute(text("UPDATE failures SET plan = plan #- '{refusals,0,step}'"))
    assert await reruns(session) == (0, 0)
    session.expire_all()
    kept = stored_plan((await failures.get(session, number)).plan)
    assert kept.refusals[0].step == "rerun"
    assert kept.live == ()


async def test_decisions_of_an_organisation_with_a_budget_are_made_one_by_one(database):
    async with database.transaction() as first:
        await history.one_by_one(first, PUSH, organisation=True)
        for name, kept_waiting in (("acme/blog", True), ("other/shop", False)):
            async with database.transaction() as second:
                await second.execute(text("SET LOCAL lock_timeout = '10ms'"))
                at = replace(PUSH, repository=name)
                waits = pytest.raises(OperationalError, match="lock timeout")
                with waits if kept_waiting else nullcontext():
                    await history.one_by_one(second, at, organisation=True)
                await second.rollback()
