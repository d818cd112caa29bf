"""Every payload example of GitHub's own documentation gets a fitting answer."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.github.hooks import signed
from tests.line.harness import Line, running_line

pytestmark = pytest.mark.contract
SECRET = "contract"


@pytest.fixture
async def line(database_url: str, tmp_path: Path) -> AsyncIterator[Line]:
    async with running_line(
        database_url,
        tmp_path,
        github_api_url="http://127.0.0.1:9",  # nobody is there: only the receiver is judged
        github_token="t",
        github_webhook_secret=SECRET,
    ) as line:
        yield line


def examples(packages: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    folder = packages / "node_modules/@octokit/webhooks-examples/api.github.com"
    for event in json.loads((folder / "index.json").read_text()):
        for example in event["examples"]:
            yield event["name"], example


async def test_each_is_accepted_or_ignored_with_a_reason(packages: Path, line: Line) -> None:
    seen: Counter[str] = Counter()
    for number, (event, payload) in enumerate(examples(packages)):
        headers, body = signed(event, payload, SECRET, f"example-{number}")
        answer = await line.post("github", headers, body)
        told = answer.json()
        assert answer.status_code in (200, 202), (event, told)
        assert told["status"] in ("accepted", "ignored"), (event, told)
        if told["status"] == "ignored":
            assert len(told["reason"]) > 10, event
        seen[f"{told['status']} {event}"] += 1
    assert sum(seen.values()) == 329
    accepted = {key.split()[1] for key in seen if key.startswith("accepted")}
    assert accepted <= {"workflow_run", "workflow_job", "check_run"}
    assert "workflow_run" in accepted


async def test_none_is_taken_unsigned(packages: Path, line: Line) -> None:
    event, payload = next(examples(packages))
    headers, body = signed(event, payload, "another secret")
    assert (await line.post("github", headers, body)).status_code == 401
