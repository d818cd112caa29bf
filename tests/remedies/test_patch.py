"""The patch remedy looks once more before it writes, whatever was decided before."""

from dataclasses import replace

import pytest
from tests.stages.decide.test_decide import run

from pipeline_guard.domain.changes import Proposed
from pipeline_guard.domain.runs import ChangeRequest
from pipeline_guard.remedies import REMEDIES
from pipeline_guard.remedies.base import Request
from pipeline_guard.remedies.patch import branch_name

BASE = "c0ffee"
DIFF = "--- a/src/a.py\n+++ b/src/a.py\n@@ -1 +1 @@\n-a=1\n+a = 1\n"
PARAMS = {"diff": DIFF, "paths": ["src/a.py"], "base": BASE, "fingerprint": "f1", "title": "Mend",
          "body": "Why."}  # fmt: skip
OURS = run(branch="dev", request=ChangeRequest(7, head_sha=BASE))
NAME = branch_name("f1", ["src/a.py"], BASE)


class Repository:
    """A platform with one file, which records what is written."""

    name, capabilities = "github", frozenset({"changes"})

    def __init__(self, known: tuple[Proposed, ...] = (), *, protected: bool = False) -> None:
        self.known, self.protected = known, protected
        self.written: list[str] = []

    def changes(self, repository: str) -> "Repository":
        return self

    async def proposed(self, target: str, prefix: str) -> tuple[Proposed, ...]:
        return self.known

    async def is_protected(self, branch: str) -> bool:
        return self.protected

    async def read_file(self, path: str, commit: str) -> bytes:
        return b"a=1\n"

    async def create_branch(self, name: str, base: str, files: dict[str, bytes], message: str):
        self.written.append(name)

    async def open_request(self, source: str, target: str, title: str, body: str) -> Proposed:
        self.written.append(f"{source} into {target}")
        return Proposed(9, "https://x/9", source, "open")


async def tried(a_run=OURS, **known):
    there = Repository(**known)
    result = await REMEDIES["patch"].apply(there, a_run, Request(1, PARAMS))
    return result.status, there.written


async def test_a_branch_of_ours_and_a_request_into_the_one_that_failed():
    assert await tried() == ("done", [NAME, f"{NAME} into dev"])


@pytest.mark.parametrize(
    ("a_run", "known"),
    [
        (replace(OURS, request=replace(OURS.request, from_fork=True)), {}),
        (OURS, {"protected": True}),
        (replace(OURS, request=replace(OURS.request, head_sha="beef")), {}),
        (replace(OURS, branch="pipeline-guard/x"), {}),
        (replace(OURS, branch=None), {}),
        (OURS, {"known": (Proposed(3, None, NAME, "closed"),)}),
        (OURS, {"known": (Proposed(3, None, branch_name("f1", ["src/a.py"], "0ld"), "open"),)}),
    ],
    ids=["fork", "protected", "newer commit", "ours", "no branch", "declined", "one is open"],
)
async def test_what_must_not_be_written_is_not(a_run, known):
    assert await tried(a_run, **known) == ("skipped", [])


async def test_what_is_there_is_not_made_again():
    assert await tried(known=(Proposed(3, "u", NAME, "open"),)) == ("done", [])
