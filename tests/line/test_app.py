"""The line with an App, whose tokens are narrow: nothing it does takes more than it was given."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.fakes.github.server import FakeGitHub
from tests.line.harness import Line, running_line
from tests.line.test_github import DNS, comments, reruns, send
from tests.platforms.github.keys import KEY, PEM


@pytest.fixture
async def line(github: FakeGitHub, database_url: str, tmp_path: Path) -> AsyncIterator[Line]:
    github.add_app("acme/shop", KEY.public_key())
    github.world.granted["acme/shop"] = {
        "actions": "write", "checks": "read", "contents": "read", "metadata": "read",
        "pull_requests": "write",
    }  # fmt: skip
    async with running_line(
        database_url,
        tmp_path,
        mode="act",
        github_api_url=github.url,
        github_app_id="1",
        github_private_key=PEM,
        github_webhook_secret=github.secret,
    ) as running:
        yield running


@pytest.mark.parametrize("head_repo", ["acme/shop", "friend/shop"])
async def test_a_transient_failure_is_healed_also_of_a_request_from_a_fork(github, line, head_repo):
    github.add_pull(head_repo=head_repo)
    run = github.add_run(log=DNS, head_repo=head_repo, event="pull_request")
    await send(line, github, run)
    assert len(reruns(github)) == 1, await line.failures()
    github.finish_run(run)
    await send(line, github, run)
    (failure,) = await line.failures()
    assert failure["status"] == "healed"
    repo = github.world.repos["acme/shop"]
    assert [comment.user for comment in repo.comments.values()] == ["guard[bot]"]
    refused = [call.path for call in github.calls() if call.status in (401, 403, 422)]
    assert refused == []


async def test_without_the_right_to_re_run_a_person_is_told(github, line):
    github.world.granted["acme/shop"] |= {"actions": "read"}
    github.add_pull()
    await send(line, github, github.add_run(log=DNS))
    (failure,) = await line.failures()
    assert failure["status"] == "open"
    (refusal,) = failure["plan"]["refusals"]
    assert refusal["guard"] == "permission"
    assert "we lack the permission Actions: write" in refusal["reason"]
    assert failure["actions"] == []
    assert reruns(github) == []
    assert len(comments(github)) == 1
