"""The Debian that images are built on: made once, and again where it was left half made."""

import os
import subprocess
from pathlib import Path

from tests.docs.blocks import ROOT

HALF = 'mkdir -p "${@: -1}/usr/bin"; touch "${@: -1}/usr/bin/python3"; echo "E: no network"; exit 1'


def base(folder: Path, debootstrap: str) -> int:
    program = folder / "debootstrap"
    program.write_text(f"#!/usr/bin/env bash\necho called >>{folder}/calls\n{debootstrap}\n")
    program.chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    command = ["bash", "scripts/base.sh", str(folder)]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PATH": path}, check=False
    ).returncode


def test_a_base_that_was_left_half_made_is_none(tmp_path: Path) -> None:
    assert base(tmp_path, HALF) == 75
    assert base(tmp_path, HALF) == 75
    assert base(tmp_path, "") == base(tmp_path, HALF) == 0
    assert (tmp_path / "calls").read_text().count("called") == 3
