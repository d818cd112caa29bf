"""Bars: on stderr, for people, gone at the end; nowhere else."""

import contextlib
import os
import pty
import subprocess
import sys

LOG = "FAILED tests/test_a.py::test_b - assert 1 == 2\n1 failed in 0.10s\n"


def classify(folder, stderr: int) -> str:
    names = []
    for number in range(3):
        (folder / f"{number}.log").write_text(LOG)
        names.append(str(folder / f"{number}.log"))
    found = subprocess.run(
        [sys.executable, "-m", "pipeline_guard", "classify", "--json", *names],
        stdout=subprocess.PIPE, stderr=stderr, text=True, check=True, timeout=60,
        env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip
    assert len(found.stdout.splitlines()) == 3
    assert "\x1b" not in found.stdout
    return found.stderr or ""


def shown_on(terminal: int) -> bytes:
    shown = b""
    with contextlib.suppress(OSError):  # the end of a terminal's other side
        while more := os.read(terminal, 65536):
            shown += more
    return shown


def test_many_files_show_a_bar_on_a_terminal(tmp_path):
    ours, theirs = pty.openpty()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, ours)
        try:
            classify(tmp_path, theirs)
        finally:
            os.close(theirs)
        shown = shown_on(ours)
    assert b"Judging logs" in shown
    assert b"3/3" in shown


def test_work_of_unknown_length_shows_the_time_it_took_so_far():
    ours, theirs = pty.openpty()
    words = "from pipeline_guard.cli import progress\nwith progress.bar('Learning', None): pass"
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, ours)
        env = {**os.environ, "TERM": "xterm"}
        try:
            subprocess.run(
                [sys.executable, "-c", words], stderr=theirs, check=True, timeout=60, env=env
            )
        finally:
            os.close(theirs)
        shown = shown_on(ours)
    assert b"Learning" in shown
    assert b"0:00:00" in shown
    assert b"0/?" not in shown


def test_a_pipe_gets_none(tmp_path):
    assert classify(tmp_path, subprocess.PIPE) == ""
