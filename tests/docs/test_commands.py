"""Every command that the documentation shows is run."""

import contextlib
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import ELSEWHERE, EVERY, PAGES, ROOT

LOG = "Run make\n##[error]The hosted runner lost communication with the server.\n"
ITS_OWN_DATABASE = {"docs/tutorial.md"}
"""Pages that say they start one; the others get a database that stands ready."""
A_SERVICE = {"docs/access.md"}
"""Pages that talk to one, whose address they call GUARD."""
A_GITHUB = {"README.md"}
"""Pages that connect one; the settings they show are laid into .env."""
PROGRAMS = Path(__file__).with_name("programs")
UNTIL_SERVED = """
for _ in $(seq 150); do grep -q 'is ready at' served && break; sleep 0.2; done
cat served && grep -q 'is ready at' served
"""
RUN = sorted({block.page for block in EVERY} - set(ELSEWHERE))


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a reader of the page would be: with a log at hand, and the command on the path."""
    made = Path(tempfile.mkdtemp(prefix="pg-"))
    (made / "build.log").write_text(LOG)
    (made / "build.log.gz").write_bytes(gzip.compress(LOG.encode()))
    (made / ".venv").mkdir()
    (made / ".venv/bin").symlink_to(PROGRAMS)
    yield made
    shutil.rmtree(made)


@contextlib.contextmanager
def service(env: dict[str, str]) -> Iterator[str]:
    """A service that listens; gives its address."""
    with subprocess.Popen(
        [PROGRAMS / "pipeline-guard", "serve", "--no-worker", "--port", "0"],
        env=env, stdout=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        try:
            assert running.stdout is not None
            yield running.stdout.readline().split()[-1]
        finally:
            running.terminate()


@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_run_one_after_the_other(page, folder, database_url, github):
    texts = [block.text for block in EVERY if block.page == page]
    script = "\n".join(
        ["set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT", *texts]
    )
    for needed in ("curl", "jq", "openssl"):
        if re.search(rf"\b{needed} ", script) and shutil.which(needed) is None:
            pytest.skip(f"there is no {needed} on this machine")
    env = {
        "PATH": f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "READER_PYTHON": sys.executable,
        "READER_PLATFORM": "",
        "HOME": str(folder),
        "PIPELINE_GUARD_DATA_DIR": str(folder / "data"),
        "PIPELINE_GUARD_DATABASE_URL": "" if page in ITS_OWN_DATABASE else database_url,
    }
    with contextlib.ExitStack() as stack:
        if page in A_SERVICE:
            env["GUARD"] = stack.enter_context(service(env))
        if page in A_GITHUB:
            settings = textwrap.dedent(re.search(r"```ini\n(.*?)```", text(page), re.DOTALL)[1])
            (folder / ".env").write_text(settings)
            github.add_token("github_pat_...", "guard-bot")
            env |= {"PIPELINE_GUARD_GITHUB_API_URL": github.url, "READER_PLATFORM": "github"}
            script += UNTIL_SERVED
        done = subprocess.run(
            ["bash", "-x", "-c", script],
            cwd=folder, env=env, check=False, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    if page in A_GITHUB:
        assert re.search(rf"ok +github +connected to {github.url} as guard-bot", done.stdout)


@pytest.mark.parametrize(("page", "test"), ELSEWHERE.items())
def test_a_page_that_is_run_elsewhere_is_run_there_and_by_ci(page, test):
    path, target = test
    assert Path(page).name in text(path)
    assert target in made_by_ci()


def test_what_a_page_has_made_is_made_by_ci():
    shown = {
        target
        for block in EVERY
        for target in re.findall(r"^make ([a-z]+)", block.text, re.MULTILINE)
    }
    assert {"setup", "demo", "test"} <= shown
    assert shown <= made_by_ci()


def made_by_ci() -> set[str]:
    """The targets that .ci/run makes, and what those need."""
    named = set(re.findall(r"^ *make ([a-z]+)", text(".ci/run"), re.MULTILINE))
    rules = dict(re.findall(r"^([a-z]+):([^#\n]*)", text("Makefile"), re.MULTILINE))
    assert named <= set(rules)
    return named | {needed for target in named for needed in rules[target].split()}


def text(path: str) -> str:
    return (ROOT / path).read_text()


def test_no_block_is_overlooked():
    fences = sum(
        len(re.findall(r"^ *```(?:sh|bash|shell|console)\b", page.read_text(), re.MULTILINE))
        for page in PAGES
    )
    assert len(EVERY) == fences
    assert RUN
