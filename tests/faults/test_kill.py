"""kill -9 in the middle of a job: nothing is lost, nothing happens twice."""

import time
from collections.abc import Callable

import httpx
from tests.fakes.github.server import FakeGitHub

DNS = "curl: (6) Could not resolve host: mirror.example\n"
PATIENCE = 60.0


def wait_until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def deliver(address: str, github: FakeGitHub, run) -> None:
    headers, body = github.webhook("workflow_run", run)
    answer = httpx.post(f"{address}/webhooks/github", headers=headers, content=body)
    assert answer.status_code == 202


def test_another_worker_finishes_the_job_of_one_that_was_killed(github, start):
    run = github.add_run(log=DNS)
    web = start("serve", "--port", "0", "--no-worker")
    victim = start("worker")
    github.latency = 30.0
    deliver(web.address, github, run)
    wait_until(lambda: github.busy)
    victim.kill()
    victim.wait()
    github.latency = 0.0
    start("worker")
    wait_until(lambda: run.attempt == 2)
    failures = httpx.get(f"{web.address}/api/v1/failures").json()["items"]
    assert [(item["status"], len(item["actions"])) for item in failures] == [("healing", 1)]


def test_killed_between_asking_for_a_re_run_and_noting_it_does_not_ask_twice(github, start):
    run = github.add_run(log=DNS)
    web = start("serve", "--port", "0", "--no-worker")
    victim = start("worker")
    github.hold_answer("POST", "/rerun-failed-jobs")
    deliver(web.address, github, run)
    wait_until(lambda: run.attempt == 2)  # done at GitHub, its answer still on the way
    victim.kill()
    victim.wait()
    start("worker")

    def noted() -> bool:
        items = httpx.get(f"{web.address}/api/v1/failures").json()["items"]
        return bool(items) and [a["status"] for a in items[0]["actions"]] == ["done"]

    wait_until(noted)
    assert run.attempt == 2
    assert len(github.calls("POST", "/rerun")) <= 1
