"""Each call we make is one GitHub's own API description knows, as a simulator of others checks.

The simulator keeps no state: it checks path, query and body against the description (400 or 404
for what is not in it) and answers with the description's examples.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import stamina
from tests.contract.conftest import serving

from pipeline_guard.domain.events import Event
from pipeline_guard.domain.runs import ChangeRequest, Job, Run
from pipeline_guard.errors import NotFound, Rejected
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.client import Client
from pipeline_guard.platforms.github.credentials import TokenCredentials

pytestmark = pytest.mark.contract
REPOSITORY = "acme/shop"
MARKER = "<!-- guard -->"


@pytest.fixture(scope="module")
def simulator(packages: Path) -> Iterator[str]:
    """The simulator's address, on loopback."""
    with serving(packages, "simulator.mjs") as address:
        yield address


@pytest.fixture
async def github(simulator: str) -> AsyncIterator[GitHub]:
    made = GitHub(Client(simulator, TokenCredentials("t"), retry_wait=0))
    # Several tries, because the simulator drops the connection after some of its answers.
    with stamina.set_testing(True, attempts=3, cap=True):
        yield made
    await made.aclose()


@pytest.fixture
async def run(github: GitHub) -> Run:
    return await github.read_run(Event("run_finished", "github", REPOSITORY, "30433642"))


async def test_reads_the_run(run: Run) -> None:
    assert (run.run_id, run.workflow, run.branch) == ("30433642", "Build", "main")
    assert run.jobs[0].name == "build"
    assert run.commit
    assert run.head_sha


async def test_refreshes(github: GitHub, run: Run) -> None:
    assert (await github.refresh(run)).attempt == run.attempt


@pytest.mark.parametrize("scope", ["run", "failed_jobs", "job"])
async def test_reruns(github: GitHub, run: Run, scope: str) -> None:
    await github.rerun(run, scope, run.jobs[0])  # type: ignore[arg-type]


async def test_reads_annotations(github: GitHub, run: Run) -> None:
    assert await github.annotations(run, Job("1", "build", "failure"))


async def test_asks_for_the_log(github: GitHub, run: Run) -> None:
    """The simulator knows the call, but its 302 says nothing of where the log is."""
    with pytest.raises(Rejected, match="302"):
        async for _ in github.stream_log(run, run.jobs[0]):
            pass


async def test_writes_and_edits_the_comment(github: GitHub, run: Run) -> None:
    request = ChangeRequest(number=1347)
    first = await github.upsert_comment(run.repository, request, MARKER, "text", None)
    assert first.created
    again = await github.upsert_comment(run.repository, request, MARKER, "other", first.comment_id)
    assert (again.comment_id, again.created) == (first.comment_id, False)


async def test_asks_for_the_request_of_a_fork(github: GitHub, run: Run) -> None:
    client = github._client
    pages = client.pages(
        REPOSITORY, f"/repos/{REPOSITORY}/pulls", state="open", sort="updated", direction="desc"
    )
    assert [pull["number"] async for pull in pages] == [1347]


async def test_tells_who_we_are(github: GitHub) -> None:
    assert await github.identity() == "guard-bot"
    assert "guard-bot" in await github.check()


async def test_asks_for_an_installation_token(github: GitHub) -> None:
    client = github._client
    assert (await client.get(None, f"/repos/{REPOSITORY}/installation")).data["id"]
    assert (await client.get(None, "/app")).data["slug"]
    path = "/app/installations/1/access_tokens"
    answer = await client.send("POST", REPOSITORY, path, {"repositories": ["shop"]})
    assert answer.data["token"].startswith("ghs_")


async def test_the_simulator_does_refuse(github: GitHub, run: Run) -> None:
    """Without this, the tests above would prove nothing."""
    client = github._client
    path = f"/repos/{REPOSITORY}/actions/runs/{run.run_id}/jobs"
    with pytest.raises(Rejected):
        await client.get(REPOSITORY, path, filter="bogus")
    with pytest.raises(NotFound):
        await client.get(REPOSITORY, f"/repos/{REPOSITORY}/nonsense")
    with pytest.raises(Rejected):
        await github.read_run(Event("run_finished", "github", REPOSITORY, "no-number"))
