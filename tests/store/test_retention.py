"""What is past its limit goes; what is still worked on, or cannot be brought back, stays."""

import importlib
import json
import math
import pkgutil
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from typer.testing import CliRunner

from pipeline_guard import store
from pipeline_guard.cli import build
from pipeline_guard.errors import ConfigError
from pipeline_guard.settings import load_settings
from pipeline_guard.stages.gather.gather import REMEMBERED
from pipeline_guard.stages.upkeep.prune import prune
from pipeline_guard.stages.upkeep.recover import LONGEST_LOOKBACK
from pipeline_guard.store import retention, sweeps
from pipeline_guard.store.retention import KEPT, RULES, Keep
from pipeline_guard.store.tables import Base

KEEP = Keep(deliveries=30, failures=180, logs=30, queue=7)
FAILURE = (
    "INSERT INTO failures (platform, repository, workflow, run_id, run_attempt, job_id, job,"
    " category, confidence, source, transient, fingerprint, diagnosis, status, plan, updated_at)"
    " VALUES ('github', 'acme/shop', 'ci', %s, 1, 'j', 'test', 'unknown', 0.5, 'rule', false, 'f',"
    " '{}', %s, '{}', now() - %s * interval '1 day') RETURNING id"
)


def delivery(db: psycopg.Connection, name: str, status: str, days: int) -> None:
    db.execute(
        "INSERT INTO deliveries (platform, delivery_id, event_name, event, body, status,"
        " received_at) VALUES ('github', %s, 'push', '{}', '', %s, now() - %s * interval '1 day')",
        (name, status, days),
    )


def failure(db: psycopg.Connection, run: str, status: str, days: int) -> int:
    row = db.execute(FAILURE, (run, status, days)).fetchone()
    assert row
    return int(row[0])


def queued(db: psycopg.Connection, task: str, status: str, days: int) -> None:
    row = db.execute(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)"
        " VALUES ('line', %s, '{}', 'todo') RETURNING id", (task,),
    ).fetchone()  # fmt: skip
    assert row
    db.execute(
        "UPDATE procrastinate_jobs SET status = %s::procrastinate_job_status WHERE id = %s",
        (status, row[0]),
    )
    db.execute(
        "UPDATE procrastinate_events SET at = now() - %s * interval '1 day' WHERE job_id = %s",
        (days, row[0]),
    )


def names(db: psycopg.Connection, table: str, column: str) -> set[str]:
    return {row[0] for row in db.execute(f"SELECT {column} FROM {table}").fetchall()}


@pytest.fixture
def db(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def test_every_table_has_a_limit_or_a_reason_to_have_none():
    for module in pkgutil.iter_modules(store.__path__):
        importlib.import_module(f"{store.__name__}.{module.name}")
    assert {*RULES, *KEPT} - {"procrastinate_jobs"} == set(Base.metadata.tables)


@pytest.mark.parametrize(
    ("setting", "needed"),
    [("keep_deliveries_days", LONGEST_LOOKBACK), ("keep_failures_days", REMEMBERED)],
)
def test_no_limit_can_be_set_below_what_decisions_and_recovery_look_back(setting, needed):
    days = needed / timedelta(days=1)
    with pytest.raises(ConfigError, match=setting.upper()):
        load_settings(_env_file=None, **{setting: math.ceil(days) - 1})


async def test_deliveries_go_unless_they_wait_for_work(db, database):
    delivery(db, "young", "processed", 29)
    delivery(db, "old", "processed", 31)
    delivery(db, "given up", "failed", 31)
    delivery(db, "waiting", "accepted", 400)
    deleted = await prune(database, KEEP)
    assert deleted is not None
    assert deleted["deliveries"] == 2
    assert names(db, "deliveries", "delivery_id") == {"young", "waiting"}
    assert names(db, "audit", "action") == {"records.deleted"}


async def test_failures_go_with_what_hangs_on_them_unless_healing_or_labelled(db, database):
    for run, status, days in (
        ("young", "open", 179),
        ("old", "healed", 181),
        ("forgotten", "open", 181),
        ("healing", "healing", 400),
        ("labelled", "open", 400),
    ):
        number = failure(db, run, status, days)
        db.execute(
            "INSERT INTO actions (key, kind, platform, repository, run_id, run_attempt, params,"
            " status, created_at) VALUES (%s, 'rerun', 'github', 'acme/shop', %s, 1, '{}', 'done',"
            " now() - %s * interval '1 day')", (run, run, days),
        )  # fmt: skip
        db.execute(
            "INSERT INTO action_failures SELECT id, %s FROM actions WHERE key = %s", (number, run)
        )
        if run == "labelled":
            db.execute(
                "INSERT INTO labels (failure_id, category, author) VALUES (%s, 'timeout', 'ann')",
                (number,),
            )
    await prune(database, KEEP)
    assert names(db, "failures", "run_id") == {"young", "healing", "labelled"}
    assert names(db, "actions", "run_id") == {"young", "healing", "labelled"}


async def test_a_log_goes_before_its_failure(db, database):
    number = failure(db, "1", "open", 40)
    db.execute(
        "INSERT INTO job_logs (failure_id, lines, size, outline, notes, created_at)"
        " VALUES (%s, 1, 1, '[]', '[]', now() - interval '31 days')", (number,),
    )  # fmt: skip
    db.execute("INSERT INTO job_log_chunks VALUES (%s, 0, '', 1, 1, '')", (number,))
    await prune(database, KEEP)
    assert names(db, "job_log_chunks", "failure_id") == set()
    assert names(db, "failures", "id") == {number}


async def test_only_ended_jobs_of_the_queue_go(db, database):
    queued(db, "young", "failed", 6)
    queued(db, "old", "failed", 8)
    queued(db, "waiting", "todo", 400)
    queued(db, "running", "doing", 400)
    await prune(database, KEEP)
    assert names(db, "procrastinate_jobs", "task_name") == {"young", "waiting", "running"}


async def test_it_deletes_by_batches_and_counts_them(db, database, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 3)
    for number in range(8):
        delivery(db, str(number), "processed", 50)
    async with database.transaction() as session:
        assert await retention.delete_batch(session, "deliveries", KEEP, datetime.now(UTC)) == 3
    deleted = await prune(database, KEEP)
    assert deleted is not None
    assert deleted["deliveries"] == 5
    async with database.transaction() as session:
        assert await retention.count_deleted(session) == {("deliveries",): 8}
        assert await sweeps.count_found(session) == {}  # what was deleted was not recovered


async def test_a_row_that_somebody_holds_is_left_alone(db, database):
    delivery(db, "held", "processed", 50)
    delivery(db, "free", "processed", 50)
    with db.transaction():
        db.execute("SELECT FROM deliveries WHERE delivery_id = 'held' FOR UPDATE")
        await prune(database, KEEP)
        assert names(db, "deliveries", "delivery_id") == {"held"}


async def test_one_of_all_workers_does_it_a_round(database):
    hour = timedelta(hours=1)
    assert await prune(database, KEEP, every=hour) is not None
    assert await prune(database, KEEP, every=hour) is None


def test_the_command_counts_first_and_deletes_then(db, database_url, monkeypatch, tmp_path):
    monkeypatch.setenv("PIPELINE_GUARD_DATABASE_URL", database_url)
    monkeypatch.setenv("PIPELINE_GUARD_KEEP_DELIVERIES_DAYS", "10")
    monkeypatch.chdir(tmp_path)
    delivery(db, "old", "processed", 11)
    counted = CliRunner().invoke(build(), ["db", "prune", "--dry-run", "--json"])
    assert json.loads(counted.stdout)["rows"]["deliveries"] == 1
    assert names(db, "deliveries", "delivery_id") == {"old"}
    done = CliRunner().invoke(build(), ["db", "prune"])
    assert done.exit_code == 0
    assert "1 rows were deleted" in done.stdout
    assert names(db, "deliveries", "delivery_id") == set()
