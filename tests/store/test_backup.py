"""A backup brings everything back, on a database of yours and on the embedded one."""

import json
import shutil
import tempfile
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from pipeline_guard.cli import build
from pipeline_guard.errors import ConfigError, StoreUnavailable
from pipeline_guard.store import backup, migrate
from pipeline_guard.store.migrations import HEAD

DELIVERY = (
    "INSERT INTO deliveries (platform, delivery_id, event_name, event, body)"
    " VALUES ('github', 'd1', 'push', '{}', %s)"
)
BODY = b'{"name": "\xc3\xa4"}\x00\x01'


@pytest.fixture
def empty_url(postgres):
    admin_url = postgres.replace("/pipeline_guard?", "/postgres?")
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE restored")
        yield postgres.replace("/pipeline_guard?", "/restored?")
        admin.execute("DROP DATABASE restored WITH (FORCE)")


@pytest.fixture
def home():
    """A folder with a short path: a socket's path may have about 100 characters."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    yield folder
    shutil.rmtree(folder)


def call(monkeypatch, name: str, value: str, *arguments: str) -> Result:
    for other in ("DATABASE_URL", "DATA_DIR"):
        monkeypatch.delenv(f"PIPELINE_GUARD_{other}", raising=False)
    monkeypatch.setenv(f"PIPELINE_GUARD_{name}", value)
    return CliRunner().invoke(build(), ["db", *arguments])


def content(url: str) -> tuple[list[bytes], int, str]:
    with psycopg.connect(url) as connection:
        bodies = [row[0] for row in connection.execute("SELECT body FROM deliveries").fetchall()]
        jobs = connection.execute("SELECT count(*) FROM procrastinate_jobs").fetchone()
    assert jobs
    return bodies, jobs[0], str(migrate.current_revision(url))


def test_what_was_backed_up_comes_back_and_works(database_url, empty_url, monkeypatch, tmp_path):
    with psycopg.connect(database_url) as connection:
        connection.execute(DELIVERY, (BODY,))
        connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, lock)"
            " VALUES ('line', 'process_delivery', '{}', 'l')"
        )
    file = tmp_path / "guard.dump"
    written = call(monkeypatch, "DATABASE_URL", database_url, "backup", str(file), "--json")
    assert written.exit_code == 0, written.output
    assert json.loads(written.stdout) == {"file": str(file), "bytes": file.stat().st_size}
    assert file.stat().st_mode & 0o077 == 0
    done = call(monkeypatch, "DATABASE_URL", empty_url, "restore", str(file), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"file": str(file), "schema": HEAD}
    assert content(empty_url) == ([BODY], 1, HEAD)
    with psycopg.connect(empty_url) as connection:  # numbers go on behind those restored
        connection.execute(DELIVERY.replace("'d1'", "'d2'"), (b"",))
        ids = connection.execute("SELECT id FROM deliveries ORDER BY id").fetchall()
    assert len(set(ids)) == 2


def test_a_backup_of_one_s_own_database_is_restored_below_another_folder(
    database_url, home, monkeypatch
):
    with psycopg.connect(database_url) as connection:
        connection.execute(DELIVERY, (BODY,))
    first, second = home / "first.dump", home / "second.dump"
    backup.dump(database_url, first)
    own = call(monkeypatch, "DATA_DIR", str(home / "data"), "restore", str(first))
    assert own.exit_code == 0, own.output
    again = call(monkeypatch, "DATA_DIR", str(home / "data"), "backup", str(second))
    assert again.exit_code == 0, again.output
    assert second.stat().st_size == pytest.approx(first.stat().st_size, rel=0.1)


def test_a_database_with_something_in_it_is_not_touched(database_url, tmp_path):
    file = tmp_path / "guard.dump"
    backup.dump(database_url, file)
    with psycopg.connect(database_url) as connection:
        connection.execute(DELIVERY, (BODY,))
    with pytest.raises(ConfigError, match="not empty"):
        backup.restore(database_url, file)
    assert content(database_url)[0] == [BODY]


def test_a_file_is_never_overwritten(database_url, tmp_path):
    file = tmp_path / "guard.dump"
    file.write_text("kept")
    with pytest.raises(ConfigError, match="exists already"):
        backup.dump(database_url, file)
    assert file.read_text() == "kept"


def test_a_broken_file_restores_nothing(empty_url, tmp_path):
    file = tmp_path / "guard.dump"
    file.write_bytes(b"PGDMP no more")
    with pytest.raises(StoreUnavailable, match="pg_restore failed"):
        backup.restore(empty_url, file)
    assert migrate.current_revision(empty_url) is None


def test_a_failed_backup_leaves_no_file_and_tells_no_password(tmp_path):
    url = "postgresql://guard:hunter2secret@127.0.0.1:1/none"
    with pytest.raises(StoreUnavailable, match="pg_dump failed") as told:
        backup.dump(url, tmp_path / "guard.dump")
    assert "hunter2secret" not in str(told.value)
    assert list(tmp_path.iterdir()) == []
