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


def test_many_files_show_a_bar_on_a_terminal(tmp_path):
    ours, theirs = pty.openpty()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, ours)
        try:
            classify(tmp_path, theirs)
        finally:
            os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal's other side
            while more := os.read(ours, 65536):
                shown += more
    assert b"Judging logs" in shown
    assert b"3/3" in shown


def test_a_pipe_gets_none(tmp_path):
    assert classify(tmp_path, subprocess.PIPE) == ""
