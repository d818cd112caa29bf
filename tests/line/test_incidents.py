"""The incident breaker: one failure in many runs opens one incident, holds, probes, lets go."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from tests.fakes.github.deliveries import ago
from tests.fakes.github.server import FakeGitHub
from tests.line.harness import Guarded, Line
from tests.line.test_github import DNS, reruns, send

POLICY = "mode: act\nincidents: {runs: 3, places: 2, probe_minutes: 5, quiet_minutes: 30}\n"


@pytest.fixture
async def line(guarded: Guarded) -> AsyncIterator[Line]:
    async with guarded(POLICY) as running:
        yield running


def red(github: FakeGitHub, number: int):
    return github.add_run(log=DNS, sha=f"{number:040x}", branch=f"branch-{number}")


async def incidents(line: Line) -> list[dict]:
    return (await line.client.get("/api/v1/incidents")).json()["items"]


def later(database_url: str, minutes: int) -> None:
    """Everything about the incident happened so many minutes earlier."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE incidents SET opened_at = opened_at - %(m)s * interval '1 minute',"
            " last_seen_at = last_seen_at - %(m)s * interval '1 minute',"
            " probed_at = probed_at - %(m)s * interval '1 minute'",
            {"m": minutes},
        )


async def spike(github: FakeGitHub, line: Line, runs: int) -> list:
    made = [red(github, number) for number in range(runs)]
    for run in made:
        await send(line, github, run)
    return made


def held(failure) -> bool:
    return "incident" in {item["guard"] for item in failure["plan"]["refusals"]}


async def test_a_spike_opens_one_incident_that_holds_re_runs(github, line):
    await spike(github, line, 5)
    (incident,) = await incidents(line)
    assert (incident["status"], incident["failures"]) == ("open", 5)
    assert incident["title"].startswith("network_transient: ")
    assert len(reruns(github)) == 2
    found = await line.failures()
    assert [held(item) for item in found] == [False, False, True, True, True]
    assert f"incident {incident['id']}" in found[-1]["plan"]["refusals"][0]["reason"]
    one = await line.client.get(f"/api/v1/incidents/{incident['id']}")
    assert one.json() == incident


async def test_runs_that_fail_at_the_same_moment_open_one_incident(github, line):
    hooks = [github.webhook("workflow_run", red(github, number)) for number in range(9)]
    await asyncio.gather(*(line.post("github", headers, body) for headers, body in hooks))
    await line.settle()
    (incident,) = await incidents(line)
    assert incident["failures"] == 9
    assert len(reruns(github)) == 2


async def test_many_runs_of_one_branch_are_no_incident(github, line):
    for number in range(5):
        run = github.add_run(log=DNS, sha=f"{number:040x}", branch="feature")
        await send(line, github, run)
    assert await incidents(line) == []


async def test_a_probe_that_passes_closes_it_and_lets_the_others_go(github, line, database_url):
    runs = await spike(github, line, 5)
    later(database_url, 6)
    await line.hurry()
    (incident,) = await incidents(line)
    assert incident["status"] == "probing"
    assert len(incident["probes"]) == 1
    assert len(reruns(github)) == 3
    probe = next(run for run in runs[2:] if run.attempt == 2)
    github.finish_run(probe)
    await send(line, github, probe)
    (incident,) = await incidents(line)
    assert incident["status"] == "closed"
    assert incident["probes"][0]["passed"] is True
    assert "A re-run passed" in incident["closed_by"]
    entries = (await line.client.get("/api/v1/audit?subject=incident:1")).json()["items"]
    assert [entry["action"] for entry in entries] == ["incident.closed", "incident.opened"]
    assert [run.attempt for run in runs] == [2] * 5
    assert not any(held(item) for item in await line.failures())


@pytest.mark.parametrize(("minutes", "status"), [(0, "closed"), (90, "open")])
async def test_a_re_run_from_before_it_opened_closes_it_if_it_passes_after(
    github, line, minutes, status
):
    runs = await spike(github, line, 5)
    early = runs[0]
    github.finish_run(early)
    early.updated_at = ago(minutes=minutes, seconds=-1)
    await send(line, github, early)
    (incident,) = await incidents(line)
    assert incident["status"] == status
    assert len(reruns(github)) == (5 if status == "closed" else 2)


async def test_a_probe_that_fails_leaves_it_open_until_the_next_is_due(github, line, database_url):
    runs = await spike(github, line, 4)
    later(database_url, 6)
    await line.hurry()
    probe = next(run for run in runs[2:] if run.attempt == 2)
    github.finish_run(probe, "failure", DNS)
    await send(line, github, probe)
    (incident,) = await incidents(line)
    assert (incident["status"], incident["probes"][0]["passed"]) == ("open", False)
    await line.hurry()
    assert len(reruns(github)) == 3
    later(database_url, 6)
    await line.hurry()
    assert len(reruns(github)) == 4


async def test_an_incident_that_went_quiet_is_closed_and_its_failures_are_decided_again(
    github, line, database_url
):
    runs = await spike(github, line, 4)
    later(database_url, 31)
    await line.hurry()
    (incident,) = await incidents(line)
    assert incident["status"] == "closed"
    assert "not seen for 30 minutes" in incident["closed_by"]
    assert [run.attempt for run in runs] == [2] * 4
