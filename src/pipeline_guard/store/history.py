"""History: what was re-run lately, and where a failure was seen before, for the decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Float,
    and_,
    cast,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.chance import Record, Tally
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.runs import Run
from pipeline_guard.store.tables import PLANNED_RERUN, Action, ActionFailure, Failure

_RERUN_PARAM: Final = (
    """jsonb_path_query_first(failures.plan, '$.steps[*]?(@.kind == "rerun").params.{}')"""
    " #>> '{{}}'"
)


@dataclass(frozen=True, slots=True)
class Reruns:
    """Of one job: re-runs at the run's commit, those of its branch or request lately, the newest.

    What was planned counts from that moment on, so that failures decided side by side see each
    other before anything was asked of the platform.
    """

    at_commit: int = 0
    of_base: int = 0
    newest: datetime | None = None


async def one_by_one(session: AsyncSession, run: Run, *, organisation: bool) -> None:
    """Until this transaction ends, no other decides for the run's repository, or organisation."""
    place = f"{organisation_of(run.repository)}/" if organisation else run.repository
    name = f"{run.platform}:{place}"
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def _not_done() -> ColumnElement[bool]:
    """The re-run was planned and then not made: skipped, or refused by the platform."""
    return (
        select(Action.id)
        .join(ActionFailure, ActionFailure.action_id == Action.id)
        .where(
            ActionFailure.failure_id == Failure.id,
            Action.kind == "rerun",
            Action.status.in_(("failed", "skipped")),
        )
        .exists()
    )


def organisation_of(repository: str) -> str:
    """What stands before the first slash of the name; those without one are together."""
    return repository.partition("/")[0] if "/" in repository else ""


def _same_organisation(run: Run) -> tuple[ColumnElement[bool], ...]:
    named = Failure.repository.contains("/", autoescape=True)
    owner = organisation_of(run.repository)
    below = Failure.repository.startswith(f"{owner}/", autoescape=True) if owner else not_(named)
    return Failure.platform == run.platform, below


def _same_repository(run: Run) -> tuple[ColumnElement[bool], ...]:
    return Failure.platform == run.platform, Failure.repository == run.repository


async def reruns(
    session: AsyncSession, run: Run, jobs: Sequence[str], since: datetime
) -> dict[str, Reruns]:
    """What was re-run of these jobs of the run's workflow, by job name, in one query."""
    if run.request is not None:
        base = Failure.request_number == run.request.number
    else:
        base = and_(Failure.request_number.is_(None), Failure.branch == run.branch)
    lately = and_(base, Failure.created_at >= since)
    # A run is re-run once an attempt, whichever of its failures that was planned for.
    once: Any = func.count(tuple_(Failure.run_id, Failure.run_attempt).distinct())
    at_commit = Failure.commit == run.commit
    query = (
        select(
            Failure.job,
            once.filter(at_commit),
            once.filter(lately),
            func.max(Failure.created_at).filter(lately),
        )
        .where(
            *_same_repository(run),
            Failure.workflow == run.workflow,
            Failure.job.in_(jobs),
            text(PLANNED_RERUN),
            or_(at_commit, lately),
            ~_not_done(),
        )
        .group_by(Failure.job)
    )
    rows = await session.execute(query)
    return {job: Reruns(commit, lately, newest) for job, commit, lately, newest in rows}


async def proofs(session: AsyncSession, run: Run, test: str, since: datetime) -> int:
    """In how many runs of the repository this test failed and a re-run of the commit passed."""
    query = select(func.count(Failure.run_id.distinct())).where(
        *_same_repository(run),
        Failure.created_at >= since,
        Failure.rerun_passed.is_(True),
        Failure.diagnosis.contains({"failed_tests": [test]}),
    )
    return (await session.execute(query)).scalar_one()


async def on_branch(
    session: AsyncSession, run: Run, branch: str, fingerprints: Sequence[str], since: datetime
) -> dict[str, datetime]:
    """When each fingerprint was last seen on a branch itself, where it did not pass since.

    What is just being re-run there is not known to stay, nor is a flake that a re-run healed.
    """
    query = (
        select(Failure.fingerprint, func.max(Failure.created_at))
        .where(
            *_same_repository(run),
            Failure.fingerprint.in_([item for item in fingerprints if item]),
            Failure.branch == branch,
            Failure.request_number.is_(None),
            Failure.created_at >= since,
            or_(
                Failure.rerun_passed.is_(False),
                and_(Failure.rerun_passed.is_(None), Failure.transient.is_(False)),
            ),
        )
        .group_by(Failure.fingerprint)
    )
    return {row[0]: row[1] for row in await session.execute(query)}


async def spent(
    session: AsyncSession, run: Run, since: datetime, *, organisation: bool = False
) -> tuple[int, float, float]:
    """(re-runs, CI minutes, money) since then, of the run's repository, or its organisation."""
    minutes, money = (
        func.max(cast(literal_column(_RERUN_PARAM.format(name)), Float))
        for name in ("minutes", "money")
    )
    key = (Failure.platform, Failure.repository, Failure.run_id, Failure.run_attempt)
    each = (
        select(minutes.label("minutes"), money.label("money"))
        .where(
            Failure.created_at >= since,
            text(PLANNED_RERUN),
            ~_not_done(),
            *(_same_organisation(run) if organisation else _same_repository(run)),
        )
        .group_by(*key)
        .subquery()
    )
    sums = (func.coalesce(func.sum(item), 0.0) for item in (each.c.minutes, each.c.money))
    count, took, cost = (await session.execute(select(func.count(), *sums))).one()
    return count, float(took), float(cost)


async def outcomes(
    session: AsyncSession, run: Run, diagnosis: Diagnosis, since: datetime
) -> Record:
    """What came of re-runs since then, of the diagnosis' category, rule and fingerprint.

    Of the category only what was judged alike, transient or not. One read of an index: a
    fingerprint has one rule at most, and a rule one category. What reads as genuine is the very
    failure only in the same repository and with the same failed tests.
    """
    passed = Failure.next_passed.is_(True)
    rule: ColumnElement[bool] = false()
    if diagnosis.rule is not None:
        same_text = Failure.rule_version == diagnosis.rule_version
        rule = and_(Failure.rule == diagnosis.rule, same_text)
    print_ = and_(Failure.fingerprint == diagnosis.fingerprint, Failure.fingerprint != "")
    levels = (true(), or_(rule, print_), print_)
    query = select(
        *(
            column
            for level in levels
            for column in (func.count().filter(level, passed), func.count().filter(level))
        )
    ).where(
        Failure.category == diagnosis.category,
        Failure.transient.is_(diagnosis.transient),
        Failure.created_at >= since,
        Failure.next_passed.is_not(None),
    )
    row = (await session.execute(query)).one()
    category, of_rule, of_print = (Tally(*row[at : at + 2]) for at in (0, 2, 4))
    if of_print.passed and not diagnosis.transient:
        of_print = await _of_same_tests(session, run, diagnosis, since)
    return Record(category.minus(of_rule), of_rule.minus(of_print), of_print)


async def _of_same_tests(
    session: AsyncSession, run: Run, diagnosis: Diagnosis, since: datetime
) -> Tally:
    """The outcomes of the fingerprint in the run's repository, with the very same failed tests.

    None where neither a test nor a rule names the failure: a tool's closing words have many causes.
    """
    if diagnosis.rule is None and not diagnosis.failed_tests:
        return Tally()
    query = select(func.count().filter(Failure.next_passed.is_(True)), func.count()).where(
        *_same_repository(run),
        Failure.fingerprint == diagnosis.fingerprint,
        Failure.diagnosis["failed_tests"] == list(diagnosis.failed_tests),
        Failure.transient.is_(False),
        Failure.created_at >= since,
        Failure.next_passed.is_not(None),
    )
    return Tally(*(await session.execute(query)).one())
