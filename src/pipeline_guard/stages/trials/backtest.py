"""Backtest: what other rules would have said of stored failures, and what would have been done."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.plan import Plan, stored_plan
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.decide.case import Case
from pipeline_guard.stages.decide.decide import decide
from pipeline_guard.stages.decide.facts import from_json, stored_diagnosis
from pipeline_guard.stages.diagnose.judge import Judge
from pipeline_guard.store import failures, job_logs
from pipeline_guard.store.session import Database
from pipeline_guard.store.tables import Failure


@dataclass(frozen=True, slots=True)
class Said:
    """What one set of rules says of a failure, and whether it would be re-run by it."""

    category: str
    rule: str | None
    transient: bool
    rerun: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """One failure under both sets of rules, with what is known of the truth."""

    failure: int
    repository: str
    job: str
    before: Said
    after: Said
    passed: bool | None
    """Whether its next attempt passed."""
    label: str | None
    """What a person says its category is."""

    @property
    def differs(self) -> bool:
        """Anything but the same judgement and the same decision."""
        return self.before != self.after


@dataclass
class Score:
    """How often one set of rules was right: each pair is (right, of so many)."""

    labels: list[int] = field(default_factory=lambda: [0, 0])
    precision: list[int] = field(default_factory=lambda: [0, 0])
    """Of failures called transient whose re-run ended: it passed."""
    recall: list[int] = field(default_factory=lambda: [0, 0])
    """Of failures whose re-run passed: called transient."""
    reruns: int = 0

    def add(self, said: Said, passed: bool | None, label: str | None) -> None:
        """Count one failure."""
        self.reruns += said.rerun
        if label is not None:
            _count(self.labels, said.category == label)
        if said.transient and passed is not None:
            _count(self.precision, passed)
        if passed:
            _count(self.recall, said.transient)

    def worse_than(self, other: "Score") -> bool:
        """Is any of the three shares smaller?"""
        mine = (self.labels, self.precision, self.recall)
        theirs = (other.labels, other.precision, other.recall)
        return any(share(a) < share(b) for a, b in zip(mine, theirs, strict=True))


def share(counted: Sequence[int]) -> float:
    """Right ones of all; 1 where nothing was to be right about."""
    return counted[0] / counted[1] if counted[1] else 1.0


def _count(counted: list[int], right: bool) -> None:
    counted[0] += right
    counted[1] += 1


async def backtest(
    database: Database, before: Judge | None, after: Judge, since: datetime
) -> AsyncIterator[list[Compared]]:
    """Judge every failure since then with both, a run attempt at a time; changes nothing.

    Without `before` its stored diagnosis and plan stand for it. What is judged is the kept log,
    else the excerpt. The decisions rest on the stored facts and policy.
    """
    async with database.transaction() as session:
        group: list[Failure] = []
        async for failure in failures.by_attempt(session, since):
            if not failure.plan.get("facts"):
                continue
            if group and _attempt(group[0]) != _attempt(failure):
                yield await _compare(database, group, before, after)
                group = []
            group.append(failure)
        if group:
            yield await _compare(database, group, before, after)


def _attempt(failure: Failure) -> tuple[str, str, str, int]:
    return failure.platform, failure.repository, failure.run_id, failure.run_attempt


async def _compare(
    database: Database, group: Sequence[Failure], before: Judge | None, after: Judge
) -> list[Compared]:
    async with database.transaction() as session:  # the other one's connection is being read from
        texts = [await _text(session, failure) for failure in group]
    new = await _judged(after, group, texts)
    if before is None:
        known = [stored_diagnosis(failure.diagnosis) for failure in group]
        earlier = _said(known, [stored_plan(failure.plan) for failure in group])
    else:
        old = await _judged(before, group, texts)
        earlier = _said(old, _decided(group, old))
    later = _said(new, _decided(group, new))
    return [
        Compared(
            failure.id,
            failure.repository,
            failure.job,
            one,
            other,
            failure.next_passed,
            failure.labels[-1].category if failure.labels else None,
        )
        for failure, one, other in zip(group, earlier, later, strict=True)
    ]


async def _text(session: AsyncSession, failure: Failure) -> str:
    excerpt: str = failure.diagnosis["excerpt"]
    return await job_logs.text_of(session, failure.id) or excerpt


async def _judged(judge: Judge, group: Sequence[Failure], texts: Sequence[str]) -> list[Diagnosis]:
    def work() -> list[Diagnosis]:
        return [
            judge.judge(
                io.BytesIO(text.encode("utf-8", "replace")), platform=failure.platform, failed=True
            )
            for failure, text in zip(group, texts, strict=True)
        ]

    return await asyncio.to_thread(work)


def _decided(group: Sequence[Failure], diagnoses: Sequence[Diagnosis]) -> list[Plan]:
    """What would be planned; that a rule was demoted says nothing about another rule."""
    cases = []
    for failure, diagnosis in zip(group, diagnoses, strict=True):
        facts = from_json(failure.plan["facts"], failure.diagnosis)
        same = facts.diagnosis.rule == diagnosis.rule
        facts = replace(facts, diagnosis=diagnosis, trust=facts.trust if same else None)
        values: dict[str, Any] = failure.plan["policy"]["values"]
        cases.append(Case(facts, Policy.model_validate(values)))
    return decide(cases, group[0].created_at)


def _said(diagnoses: Sequence[Diagnosis], plans: Sequence[Plan]) -> list[Said]:
    return [
        Said(
            diagnosis.category,
            diagnosis.rule,
            diagnosis.transient,
            any(step.kind == "rerun" for step in plan.live),
        )
        for diagnosis, plan in zip(diagnoses, plans, strict=True)
    ]
