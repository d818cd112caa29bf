"""Jobs that a dead worker left behind: found, given back once, and never mistaken for waiting."""

import psycopg
from tests.line.harness import on_github, running_line

from pipeline_guard import worker
from pipeline_guard.stages.upkeep.recover import sweep
from pipeline_guard.store.deliveries import QUEUE

DNS = "curl: (6) Could not resolve host: mirror.example\n##[error]Process completed with exit code 6.\n"  # noqa: E501


def execute(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query)
        return cursor.fetchall() if cursor.description else []


async def resumed(line) -> list[int]:
    found = await sweep(line.context)
    assert found is not None
    await line.settle()
    return found.resumed


async def test_a_job_that_cannot_even_be_given_up_does_not_end_the_rescue_of_others(
    github, database_url, tmp_path, monkeypatch
):
    monkeypatch.setattr(worker, "HEARTBEAT_SECONDS", 0.02)
    async with running_line(database_url, tmp_path, **on_github(github)) as line:
        left = "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, attempts)"
        odd, lost = f"('{QUEUE}', 'act', '{{}}', 'doing', 5)", "'doing', 0)"
        execute(database_url, f"{left} VALUES {odd}")
        await line.settle()
        execute(database_url, f"{left} VALUES ('{QUEUE}', 'tell', '{{\"notice\": 1}}', {lost}")
        await line.settle()
    assert execute(database_url, "SELECT task_name, status FROM procrastinate_jobs") == [
        ("act", "failed")
    ]


async def test_a_lost_job_is_given_back_and_what_was_given_up_stays(
    github, github_line, database_url
):
    execute(database_url, "UPDATE procrastinate_jobs SET status = 'failed'")
    run = github.add_run(log=DNS)
    event = f'{{"kind": "run_finished", "platform": "github", "repository": "acme/shop", "run_id": "{run.id}"}}'  # noqa: E501
    values = "'github', '{}', 'workflow_run', '{}', '', '{}', now() - interval '{} minutes'"
    for number, (status, minutes) in enumerate((("accepted", 11), ("accepted", 5), ("failed", 60))):
        execute(
            database_url,
            "INSERT INTO deliveries"
            " (platform, delivery_id, event_name, event, body, status, received_at)"
            f" VALUES ({values.format(f'd{number}', event, status, minutes)})",
        )
    assert await resumed(github_line) == [1]
    statuses = [item.partition(":")[0] for item in await github_line.notes()]
    assert statuses[::-1] == ["processed", "accepted", "failed"]
    assert await resumed(github_line) == []
    assert len(await github_line.failures()) == 1


async def test_a_delivery_whose_job_waits_for_its_next_try_is_not_lost(
    github, github_line, database_url
):
    run = github.add_run(log=DNS)
    github.fail("GET", f"/actions/runs/{run.id}$", 503, times=4)
    await github_line.post("github", *github.webhook("workflow_run", run))
    await github_line.settle()
    (note,) = await github_line.notes()
    assert note.startswith("accepted: PlatformUnavailable")
    execute(database_url, "UPDATE deliveries SET processed_at = now() - interval '1 hour'")
    assert await resumed(github_line) == []
