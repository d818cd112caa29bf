"""The demo's processes: what they are started with, and that none of them outlives it."""

import sys
from pathlib import Path

import pytest

from pipeline_guard.cli.demo_buildbot import lab
from pipeline_guard.cli.demo_buildbot.processes import (
    DemoFailed,
    Processes,
    free_ports,
    leftovers,
    plain_environment,
)

#: Starts a second process in a session of its own, as a daemon does, then waits for it.
DAEMON = (
    "import subprocess, sys, pathlib\n"
    "child = subprocess.Popen([sys.executable, '-c', 'input()', sys.argv[1]],"
    " stdin=subprocess.PIPE, start_new_session=True)\n"
    "pathlib.Path('started').touch()\n"
    "child.wait()\n"
)


def test_nothing_outlives_the_context_not_even_a_daemon(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        command = [sys.executable, "-c", DAEMON, str(tmp_path)]
        processes.start("daemon", command, cwd=tmp_path)
        processes.wait_until("the daemon", (tmp_path / "started").exists, 10)
        assert len(leftovers(tmp_path)) == 2
    assert leftovers(tmp_path) == []


def test_an_error_inside_the_context_ends_the_processes_too(tmp_path: Path) -> None:
    def play() -> None:
        with Processes(tmp_path) as processes:
            command = [sys.executable, "-c", "import signal; signal.pause()"]
            processes.start("sleeper", command, cwd=tmp_path)
            assert leftovers(tmp_path)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play()
    assert leftovers(tmp_path) == []


def test_a_process_that_ends_by_itself_is_named_with_its_log(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        command = [sys.executable, "-c", "print('no such port'); raise SystemExit(3)"]
        processes.start("server", command, cwd=tmp_path)
        with pytest.raises(DemoFailed, match="server ended by itself with 3") as caught:
            processes.wait_until("the server", lambda: False, 10)
    assert str(processes.log("server")) in str(caught.value)
    assert processes.log("server").read_text() == "no such port\n"


def test_what_does_not_happen_in_time_is_said(tmp_path: Path) -> None:
    with (
        Processes(tmp_path) as processes,
        pytest.raises(DemoFailed, match="rain did not happen within 0 s"),
    ):
        processes.wait_until("rain", lambda: False, 0)


def test_one_of_several_commands_that_fails_fails_all(tmp_path: Path) -> None:
    commands = {
        "good": [sys.executable, "-c", "pass"],
        "bad": [sys.executable, "-c", "raise SystemExit(2)"],
    }
    with Processes(tmp_path) as processes, pytest.raises(DemoFailed, match="bad ended with 2"):
        processes.run(commands, cwd=tmp_path)


def test_the_users_own_settings_do_not_reach_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIPELINE_GUARD_DATABASE_URL", "GIT_DIR", "https_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "the user's")
    assert "the user's" not in plain_environment().values()
    assert "PATH" in plain_environment()


def test_without_buildbot_the_demo_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(lab.ENVIRONMENT, str(tmp_path))
    monkeypatch.setattr(lab, "__file__", str(tmp_path / "a/b/c/d/e/lab.py"))
    monkeypatch.setattr(lab.sys, "prefix", str(tmp_path))
    with pytest.raises(DemoFailed, match="make demo"):
        lab.find_environment()


def test_ports_are_free_and_different() -> None:
    assert len(set(free_ports(5))) == 5
