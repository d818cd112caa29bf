"""History decides: what came of earlier re-runs says whether one more is made."""

import psycopg
from tests.line.test_github import DNS, RED, comments, reruns, send

COLUMNS = (
    "platform, repository, workflow, run_attempt, job_id, job, branch, commit, category,"
    " confidence, source, rule, rule_version, transient, fingerprint, diagnosis, status, plan"
)


def repeat_history(database_url: str, times: int, *, passed: bool) -> None:
    """Copies of the newest failure, in runs of their own, whose re-runs ended like that."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            f"INSERT INTO failures (run_id, next_passed, rerun_passed, {COLUMNS})"
            f" SELECT 'copy-' || n, %s, %s, {COLUMNS} FROM generate_series(1, %s) n,"
            " (SELECT * FROM failures ORDER BY id DESC LIMIT 1) f",
            (passed, passed, times),
        )


async def test_what_failed_again_eight_times_is_not_re_run_once_more(
    github, github_line, database_url
):
    await send(github_line, github, github.add_run(log=DNS))
    assert len(reruns(github)) == 1
    repeat_history(database_url, 8, passed=False)
    await send(github_line, github, github.add_run(log=DNS, sha="2" * 40, branch="other"))
    *_, failure = await github_line.failures()
    assert [item["guard"] for item in failure["plan"]["refusals"]] == ["worth"]
    assert failure["status"] == "escalated"
    assert len(reruns(github)) == 1
    choice = failure["plan"]["facts"]["choice"]
    assert (choice["levels"][-1]["ended"], choice["pays"]) == (8, False)


async def test_the_first_re_run_that_ended_counts_and_not_the_last(github, github_line):
    run = github.add_run(log=DNS)
    for conclusion in ("failure", "success"):
        await send(github_line, github, run)
        await github_line.hurry()
        github.finish_run(run, conclusion, DNS)
    await send(github_line, github, run)
    await send(github_line, github, github.add_run(log=DNS, sha="3" * 40, branch="third"))
    *_, failure = await github_line.failures()
    (known,) = failure["plan"]["facts"]["choice"]["levels"][-1:]
    assert (known["passed"], known["ended"]) == (1, 2)


async def told(line, rule: str) -> list[tuple[str, int]]:
    """(action, outcomes) of the audit's entries about a rule, oldest first."""
    answer = await line.client.get("/api/v1/audit", params={"subject": f"rule:{rule}"})
    return [(i["action"], i["details"]["outcomes"]) for i in answer.json()["items"]][::-1]


async def test_a_demotion_is_in_the_audit_when_it_happens_and_so_is_its_end(
    github, github_line, database_url
):
    run = github.add_run(log=DNS)
    await send(github_line, github, run)
    (failure,) = await github_line.failures()
    repeat_history(database_url, 9, passed=False)
    assert await told(github_line, failure["rule"]) == []
    github.finish_run(run, "failure", DNS)
    await send(github_line, github, run)
    assert await told(github_line, failure["rule"]) == [("rule.demoted", 10)]
    await send(github_line, github, github.add_run(log=DNS, sha="2" * 40, branch="other"))
    assert await told(github_line, failure["rule"]) == [("rule.demoted", 10)]
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE failures SET next_passed = true WHERE next_passed IS NOT NULL")
    await send(github_line, github, github.add_run(log=DNS, sha="3" * 40, branch="third"))
    assert [name for name, _ in await told(github_line, failure["rule"])] == [
        "rule.demoted", "rule.restored",
    ]  # fmt: skip


async def test_a_rule_that_is_mostly_wrong_only_suggests(github, github_line, database_url):
    await send(github_line, github, github.add_run(log=DNS))
    repeat_history(database_url, 10, passed=False)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE failures SET fingerprint = 'f' || id")  # not the same failure
    await send(github_line, github, github.add_run(log=DNS, sha="2" * 40, branch="other"))
    *_, failure = await github_line.failures()
    refusals = {item["guard"]: item["reason"] for item in failure["plan"]["refusals"]}
    assert "0 of its newest 10 re-runs were right" in refusals["rule_trust"]
    assert len(reruns(github)) == 1
    (measured,) = (await github_line.client.get("/api/v1/rules")).json()
    assert (measured["rule"], measured["demoted"]) == (failure["rule"], True)
    metrics = (await github_line.client.get("/metrics")).text
    assert f'pipeline_guard_rule_precision{{rule="{failure["rule"]}"}}' in metrics


async def flake(line, github, number: int, log: str = RED) -> None:
    """A run that fails and that somebody re-runs to green at the same commit."""
    run = github.add_run(log=log, sha=f"{number:040x}", branch=f"b{number}")
    await send(line, github, run)
    github.world.rerun(run, None, "ann")
    github.finish_run(run)
    await send(line, github, run)


async def test_a_test_that_people_re_ran_to_green_twice_is_flaky_and_no_longer_theirs_to_re_run(
    github, github_line
):
    github.add_pull()
    for number in (2, 3):
        assert reruns(github) == []
        await flake(github_line, github, number)
    other = RED.replace("test_sum", "test_product")
    await send(github_line, github, github.add_run(log=other, sha="4" * 40, branch="b4"))
    assert reruns(github) == [], "another test has proven nothing"
    run = github.add_run(log=RED)
    await send(github_line, github, run)
    assert len(reruns(github)) == 1
    (body,) = comments(github)
    assert "Not your change, most likely" in body
    assert "has passed unchanged before; it is being re-run" in body
    github.finish_run(run)
    await send(github_line, github, run)
    *_, failure = await github_line.failures()
    assert (failure["category"], failure["transient"]) == ("test_failure", False)
    assert (failure["status"], failure["run_id"]) == ("healed", str(run.id))


EXIT = "##[error]Process completed with exit code {}.\n"


async def test_failures_that_share_only_a_closing_word_prove_nothing_of_each_other(
    github, github_line
):
    for number in (2, 3):
        await flake(github_line, github, number, EXIT.format(number))
    await send(github_line, github, github.add_run(log=EXIT.format(1)))
    failures = await github_line.failures()
    assert {item["category"] for item in failures} == {"unknown"}
    assert len({item["fingerprint"] for item in failures}) == 1
    assert reruns(github) == []
