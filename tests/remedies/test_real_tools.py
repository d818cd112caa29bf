"""What real tools print is found in a log and comes to the very file that they would write."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_guard.logs.diffs import PrintedDiffs
from pipeline_guard.logs.read import Chunk
from pipeline_guard.logs.redact import Redactor
from pipeline_guard.remedies.unified import apply_hunks, place, read_diff

UGLY = """\
import os
import sys

class   Cart :
    def total( self,items = [ ] ) :
        return sum( [i['price']*i["count"] for i in items] )   \n
    def names(self): return {'a':1,
  'b':2}
x = os.name
"""


def ruff(*args: str, cwd: Path) -> str:
    program = Path(sys.executable).with_name("ruff")
    if not program.exists():
        pytest.skip("ruff is not beside this Python")
    done = subprocess.run(
        [program, *args, "--no-cache"], cwd=cwd, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def git(*args: str, cwd: Path) -> str:
    done = subprocess.run(["git", *args], cwd=cwd, capture_output=True, text=True, check=False)
    return done.stdout


def mended(log: str, files: dict[str, bytes]) -> dict[str, bytes]:
    stamped = "".join(f"2026-11-01T10:00:00.1234567Z {line}\n" for line in log.split("\n"))
    diffs = PrintedDiffs()
    diffs.feed(Chunk(stamped.encode(), 1))
    found = diffs.found(Redactor())
    assert found.notes == ()
    parts = {place(part, list(files)): part for part in read_diff(found.diff)}
    return {path: apply_hunks(files[path], part.hunks) for path, part in parts.items()}


@pytest.mark.parametrize("command", [("format", "--diff"), ("check", "--diff", "--select", "F,I")])
def test_ruff(tmp_path, command):
    (tmp_path / "src").mkdir()
    files = {"src/cart.py": UGLY.encode(), "src/till.py": UGLY.replace("Cart", "Till").encode()}
    for path, raw in files.items():
        (tmp_path / path).write_bytes(raw)
    after = mended(ruff(*command, ".", cwd=tmp_path), files)
    ruff(
        command[0], *(("--fix",) if command[0] == "check" else ()), *command[2:], ".", cwd=tmp_path
    )
    written = {path: (tmp_path / path).read_bytes() for path in files}
    assert after == written != files


def test_git_diff_as_pre_commit_shows_it(tmp_path):
    before = "".join(f"line {number}  \n" for number in range(40)).encode() + b"no end"
    after = before.replace(b"line 3  ", b"line 3").replace(b"line 30  ", b"") + b"\nend\n"
    (tmp_path / "notes.txt").write_bytes(before)
    git("init", "-q", cwd=tmp_path)
    git("add", ".", cwd=tmp_path)
    (tmp_path / "notes.txt").write_bytes(after)
    log = "fix end of files...Failed\n- files were modified by this hook\n\n" + git(
        "--no-pager", "diff", "--no-ext-diff", cwd=tmp_path
    )
    assert mended(log, {"notes.txt": before}) == {"notes.txt": after}
