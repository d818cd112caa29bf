"""A month of failures as a small organisation has them, through the store's own functions."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.domain.diagnosis import Candidate, Diagnosis, EvidenceLine
from pipeline_guard.domain.plan import Plan, Refusal, Step
from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.logs.keep import keep_log
from pipeline_guard.policy.schema import Policy
from pipeline_guard.stages.decide.choice import choice
from pipeline_guard.stages.decide.facts import Facts, as_json
from pipeline_guard.store import actions, failures, job_logs
from pipeline_guard.store.session import Database
from pipeline_guard.store.tables import Action, Failure

PRICED = Policy(mode="act", prices={"*": 0.008})
POLICY = {
    "values": PRICED.model_dump(mode="json", by_alias=True),
    "origins": {"worth.hour_costs": "guard.yaml:12"},
}


@dataclass(frozen=True)
class Kind:
    category: str
    rule: str | None
    line: str
    transient: bool
    heals: float
    tests: tuple[str, ...] = ()


KINDS = (
    Kind("network_transient", "net-dns-curl",
         "curl: (6) Could not resolve host: mirror.example", True, 0.93),
    Kind("network_transient", "connection-reset",
         "npm error network read ECONNRESET while fetching left-pad", True, 0.86),
    Kind("flaky_test", "test-flaked",
         "FAILED tests/test_cart.py::test_checkout_total - assert 3 == 4", True, 0.7,
         ("tests/test_cart.py::test_checkout_total",)),
    Kind("flaky_test", None, "Timeout: element #pay did not appear within 5000 ms", True, 0.55,
         ("e2e/payment.spec.ts > pays with a stored card",)),
    Kind("test_failure", "test-pytest",
         "FAILED tests/test_sum.py::test_rounding - AssertionError: 0.1 != 0.10", False, 0.0,
         ("tests/test_sum.py::test_rounding",)),
    Kind("compile_error", "compile-rust", "error[E0308]: mismatched types", False, 0.0),
    Kind("lint_format", "lint-flake8-ruff",
         "src/app.py:14:1: F401 `os` imported but unused", False, 0.0),
    Kind("rate_limit", "rate-429-tool", "toomanyrequests: pull rate limit reached", True, 0.8),
    Kind("out_of_memory", None, "Killed: process ran out of memory (137)", False, 0.0),
)  # fmt: skip
REPOSITORIES = ("acme/shop", "acme/web", "acme/infra", "globex/payments")
JOBS = ("test (3.12)", "build", "lint", "e2e / chromium")


def run(number: int, **changes: Any) -> Run:
    job = Job(
        f"job-{number}",
        changes.pop("job", "test (3.12)"),
        "failure",
        url=f"https://ci.example/runs/{number}",
        seconds=changes.pop("seconds", 240.0),
    )
    values = {
        "platform": "github", "repository": "acme/shop", "run_id": str(number), "attempt": 1,
        "status": "completed", "conclusion": "failure", "workflow": "ci", "branch": "main",
        "commit": f"{number:040x}", "head_sha": f"{number:040x}", "actor": "ann", "jobs": (job,),
        "url": f"https://ci.example/runs/{number}",
    }  # fmt: skip
    return Run(**(values | changes))


def diagnosis(kind: Kind, line: int = 812, **changes: Any) -> Diagnosis:
    confidence = changes.pop("confidence", 0.91)
    return Diagnosis(
        category=kind.category, confidence=confidence, source="rule" if kind.rule else "model",
        transient=kind.transient, rule=kind.rule,
        evidence=(EvidenceLine(line, kind.line), EvidenceLine(line + 2, "exit code 1")),
        fingerprint=f"{kind.category}-{kind.rule or 'model'}"[:16], failed_tests=kind.tests,
        candidates=(Candidate(kind.category, confidence), Candidate("unknown", 0.05)),
        excerpt=kind.line, lines=1_000,
        rule_version="seed" if kind.rule else None,
        advice="Usually gone with the next try." if kind.transient else None, **changes,
    )  # fmt: skip


def plan(kind: Kind, a_run: Run, found: Diagnosis, status: str) -> Plan:
    known = Facts(a_run, a_run.jobs[0], found, frozenset({"rerun_failed_jobs"}))
    facts = as_json(known) | {"choice": choice(known, PRICED)}
    if kind.transient:
        minutes = (a_run.jobs[0].seconds or 0) / 60
        steps = (Step("rerun", {"scope": "failed_jobs", "minutes": minutes},
                      f"{kind.category} passes by itself more often than not."),)  # fmt: skip
        return Plan(steps, (), status, "Re-run the failed jobs.", facts, POLICY)
    held = (Refusal("transient", f"An unchanged re-run would not heal a {kind.category}."),)
    return Plan((), held, status, "", facts, POLICY)


async def add(
    session: AsyncSession, number: int, kind: Kind, status: str, at: datetime, **changes: Any
) -> int:
    """One failure of that time; a healed or escalated one with the re-run that ended so."""
    a_run = run(number, **changes)
    found = diagnosis(kind)
    stored = await failures.add(
        session, a_run, a_run.jobs[0], found, plan(kind, a_run, found, status)
    )
    assert stored is not None
    passed = {"healed": True, "escalated": False}.get(status)
    settled = at + timedelta(minutes=7 + number % 11) if passed is not None else None
    await session.execute(
        update(Failure).where(Failure.id == stored)
        .values(created_at=at, rerun_passed=passed, next_passed=passed, settled_at=settled)
    )  # fmt: skip
    if kind.transient and status != "observed":
        key = f"rerun-{number}"
        intent = await actions.intend(
            session, a_run, attempt=1, kind="rerun", key=key, params={}, failure_ids=[stored]
        )
        await actions.finish(session, intent.id, "done", url=a_run.url)
        outcome = {True: "healed", False: "failed_again", None: None}[passed]
        await session.execute(
            update(Action).where(Action.id == intent.id).values(outcome=outcome, created_at=at)
        )
    return stored


async def month(database: Database, failures_a_day: int = 6, days: int = 30) -> Sequence[int]:
    """Failures of the last `days` days, the same ones at every call."""
    async with database.transaction() as session:
        return await _month(session, failures_a_day, days)


async def _month(session: AsyncSession, failures_a_day: int, days: int) -> Sequence[int]:
    chance, now, ids = random.Random(7), datetime.now(UTC), []
    for day in range(days, -1, -1):
        for each in range(chance.randint(1, failures_a_day)):
            kind = chance.choice(KINDS)
            at = now - timedelta(days=day, minutes=chance.randint(3, 1_200))
            status = "open"
            if kind.transient:
                status = "healed" if chance.random() < kind.heals else "escalated"
                if day == 0 and each == 0:
                    status = "healing"
            ids.append(await add(
                session, 1_000 + len(ids), kind, status, at,
                repository=chance.choice(REPOSITORIES), job=chance.choice(JOBS),
                platform=chance.choice(("github", "github", "gitlab", "buildbot")),
                branch=chance.choice(("main", "main", "fix/cart", "feature/checkout-v2")),
                seconds=chance.uniform(60, 1_500),
            ))  # fmt: skip
    return ids


def log_text(lines: int, failing: int) -> bytes:
    """A log of so many lines in three steps, with a failing line where it is told."""
    made = [f"compiling module {number:06d} of the shop, all well" for number in range(lines)]
    made[0], made[40], made[60] = "##[group]Set up job", "##[endgroup]", "##[group]Run make test"
    made[70], made[lines - 30] = "##[endgroup]", "##[group]Run upload"
    made[failing - 1] = "FAILED tests/test_sum.py::test_rounding - AssertionError: 0.1 != 0.10"
    made[failing + 1] = "##[error]Process completed with exit code 1."
    return "\n".join(made).encode() + b"\n"


async def with_log(database: Database, folder: Path, lines: int = 2_000, failing: int = 812) -> int:
    """A failure with a log; the evidence stands in its line `failing`."""
    source = folder / "job.log"
    source.write_bytes(log_text(lines, failing))
    kind = next(item for item in KINDS if item.category == "test_failure")
    a_run = run(9_000 + lines)
    found = diagnosis(kind, line=failing)
    async with database.transaction() as session:
        stored = await failures.add(
            session, a_run, a_run.jobs[0], found, plan(kind, a_run, found, "open")
        )
        assert stored is not None
        await job_logs.add(session, stored, keep_log(source))
    return stored
