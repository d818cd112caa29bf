"""Every command that the documentation shows is run, or says in the page why it is not."""

import contextlib
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import EVERY, PAGES, Block

LOG = "Run make\n##[error]The hosted runner lost communication with the server.\n"
ITS_OWN_DATABASE = {"docs/tutorial.md"}
"""Pages that say they start one; the others get a database that stands ready."""
A_SERVICE = {"docs/access.md"}
"""Pages that talk to one, whose address they call GUARD."""
AS_A_READER = """
pipeline-guard() {
  case $1 in
    tail) timeout 5 pipeline-guard "$@" || [ $? = 124 ] ;;     # a reader ends it by Ctrl-C
    doctor) command pipeline-guard "$@" || [ $? = 1 ] ;;       # rightly, without a platform
    *) command pipeline-guard "$@" ;;
  esac
}
"""
RUN = sorted({block.page for block in EVERY if block.reason is None})
NOT_RUN = [block for block in EVERY if block.reason is not None]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a reader of the page would be: with a log at hand, and the command on the path."""
    made = Path(tempfile.mkdtemp(prefix="pg-"))
    (made / "build.log").write_text(LOG)
    (made / "build.log.gz").write_bytes(gzip.compress(LOG.encode()))
    (made / ".venv").symlink_to(sys.prefix)
    (made / "bin").mkdir()
    (made / "bin/pipeline-guard").symlink_to(Path(sys.executable).with_name("pipeline-guard"))
    yield made
    shutil.rmtree(made)


@contextlib.contextmanager
def service(env: dict[str, str]) -> Iterator[str]:
    """A service that listens; gives its address."""
    with subprocess.Popen(
        ["pipeline-guard", "serve", "--no-worker", "--port", "0"],
        env=env, stdout=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        try:
            assert running.stdout is not None
            yield running.stdout.readline().split()[-1]
        finally:
            running.terminate()


@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_run_one_after_the_other(page, folder, database_url):
    texts = [block.text for block in EVERY if block.page == page and block.reason is None]
    script = "\n".join(
        [
            "set -euo pipefail",
            AS_A_READER,
            "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT",
            *texts,
        ]
    )
    for needed in ("curl", "jq", "openssl"):
        if re.search(rf"\b{needed} ", script) and shutil.which(needed) is None:
            pytest.skip(f"there is no {needed} on this machine")
    env = {
        "PATH": f"{folder / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "PIP_NO_INDEX": "1",  # a page must not change the environment that tests it
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(folder),
        "PIPELINE_GUARD_DATA_DIR": str(folder / "data"),
        "PIPELINE_GUARD_DATABASE_URL": "" if page in ITS_OWN_DATABASE else database_url,
    }
    with contextlib.ExitStack() as stack:
        if page in A_SERVICE:
            env["GUARD"] = stack.enter_context(service(env))
        done = subprocess.run(
            ["bash", "-x", "-c", script],
            cwd=folder, env=env, check=False, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("block", NOT_RUN, ids=lambda block: f"{block.page}:{block.line}")
def test_a_block_that_is_not_run_says_why(block: Block):
    assert block.reason
    pytest.skip(block.reason)


def test_no_block_is_overlooked():
    fences = sum(
        len(re.findall(r"^ *```(?:sh|bash|shell|console)\b", page.read_text(), re.MULTILINE))
        for page in PAGES
    )
    assert len(EVERY) == fences
    assert RUN
