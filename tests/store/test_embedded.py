import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pipeline_guard.errors import ConfigError, StoreUnavailable
from pipeline_guard.store.embedded import EmbeddedPostgres


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with a short path: a socket's path may have about 100 characters."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    yield folder / "data"
    shutil.rmtree(folder)


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def test_it_starts_keeps_its_data_and_stops(home):
    first = EmbeddedPostgres(home, durable=False)
    url = first.start()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    first.release()
    assert not answers(url)
    second = EmbeddedPostgres(home, durable=False)
    with psycopg.connect(second.start()) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    second.release()


def test_the_last_user_stops_it(home):
    first, second = EmbeddedPostgres(home, durable=False), EmbeddedPostgres(home, durable=False)
    url = first.start()
    assert second.start() == url
    first.release()
    assert answers(url)
    second.release()
    assert not answers(url)


def test_after_kill_minus_nine_of_its_user_the_next_one_takes_it_over(home):
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from pipeline_guard.store.embedded import EmbeddedPostgres;"
        "EmbeddedPostgres(Path(sys.argv[1]), durable=False).start();"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(home)], check=False)
    assert killed.returncode == -9
    following = EmbeddedPostgres(home, durable=False)
    url = following.start()
    assert answers(url)
    following.release()
    assert not answers(url)


def test_its_data_is_for_its_own_account_only(home):
    server = EmbeddedPostgres(home, durable=False)
    server.start()
    assert (home / "postgres").stat().st_mode & 0o077 == 0
    assert (home / "postgres.run").stat().st_mode & 0o077 == 0
    server.release()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to open a way for another account")
def test_as_root_parents_can_be_passed_but_not_listed(home):
    home.parent.chmod(0o700)
    server = EmbeddedPostgres(home, durable=False)
    server.start()
    assert home.parent.stat().st_mode & 0o077 == 0o001
    server.release()


def test_a_path_too_long_for_a_socket_is_no_obstacle(home):
    deep = home / ("long-" * 20)
    server = EmbeddedPostgres(deep, durable=False)
    assert answers(server.start())
    server.release()


def test_a_platform_without_a_wheel_is_told_what_to_do(home, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="PIPELINE_GUARD_DATABASE_URL"):
        EmbeddedPostgres(home).start()


def test_a_server_that_was_killed_is_started_again_with_its_data(home):
    server = EmbeddedPostgres(home)
    url = server.start()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    pid = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while not answers(url):
        assert time.monotonic() < deadline
        with contextlib.suppress(StoreUnavailable):
            server.revive()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    server.release()
    assert not answers(url)
