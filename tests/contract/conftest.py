"""Where the packages of others are and how theirs are started; without them tests are skipped."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[2] / ".cache" / "contract"


@pytest.fixture(scope="session")
def packages() -> Path:
    """The folder that holds node_modules."""
    if not (PACKAGES / ".installed").exists():
        pytest.skip("the npm packages are not installed; run `make contract` (needs npm)")
    return PACKAGES


@contextlib.contextmanager
def serving(packages: Path, script: str) -> Iterator[str]:
    """The address, on loopback, of what a script beside this file starts; it prints its port."""
    own = packages / "node_modules" / ".bin" / "node"
    node = str(own) if own.exists() else shutil.which("node")
    if node is None:
        pytest.skip("the node package brought no program, and there is none on this machine")
    path = Path(__file__).with_name(script)
    with subprocess.Popen(
        [node, str(path), str(packages.resolve())], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port.isdigit(), f"{script} did not start: {port}"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
