"""GitLab, payload to outcome."""

import asyncio

from tests.fakes.gitlab import FakeGitLab
from tests.line.harness import Line

DNS = b"$ curl -fsS https://mirror.example/data\ncurl: (6) Could not resolve host: mirror.example\n"
RED = b"$ pytest\nFAILED tests/test_sum.py::test_sum - assert 3 == 4\n1 failed, 8 passed in 0.20s\n"
END = b"ERROR: Job failed: exit code 1\n"


def red_pipeline(gitlab: FakeGitLab, trace: bytes, name: str = "test"):
    project = gitlab.add_project("acme/shop")
    request = gitlab.add_merge_request(project, "feature")
    pipeline = gitlab.add_pipeline(project, ref="feature", sha=request.sha)
    job = gitlab.add_job(pipeline, name, status="failed", trace=trace + END)
    return project, request, pipeline, job


async def test_a_transient_failure_is_retried_healed_and_told_in_one_note(
    gitlab: FakeGitLab, gitlab_line: Line
):
    _, request, pipeline, _ = red_pipeline(gitlab, DNS)
    hook = gitlab.pipeline_hook(pipeline)
    assert (await gitlab_line.post("gitlab", hook.headers, hook.body)).status_code == 202
    await gitlab_line.settle()
    print(await gitlab_line.notes())

    (failure,) = await gitlab_line.failures()
    assert (failure["category"], failure["status"]) == ("network_transient", "healing")
    assert [action["kind"] for action in failure["actions"]] == ["rerun"]
    assert len(gitlab.calls("POST", "/retry")) == 1

    gitlab.finish(pipeline)
    hook = gitlab.pipeline_hook(pipeline)
    await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()

    (failure,) = await gitlab_line.failures()
    assert failure["status"] == "healed"
    assert failure["actions"][0]["outcome"] == "healed"
    (note,) = gitlab.notes(request)
    assert "the re-run passed" in note.body


async def test_a_genuine_failure_is_explained_and_left_alone(gitlab: FakeGitLab, gitlab_line: Line):
    _, request, pipeline, _ = red_pipeline(gitlab, RED)
    hook = gitlab.pipeline_hook(pipeline)
    await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()
    (failure,) = await gitlab_line.failures()
    assert (failure["category"], failure["status"]) == ("test_failure", "open")
    assert failure["failed_tests"] == ["tests/test_sum.py::test_sum"]
    assert gitlab.calls("POST", "/retry") == []
    (note,) = gitlab.notes(request)
    assert "**Yours" in note.body


async def test_a_hundred_equal_deliveries_at_once_are_one_failure_and_one_action(
    gitlab: FakeGitLab, gitlab_line: Line
):
    _, _, pipeline, job = red_pipeline(gitlab, DNS)
    hook = gitlab.pipeline_hook(pipeline)
    others = [gitlab.job_hook(job) for _ in range(5)]
    answers = await asyncio.gather(
        *(gitlab_line.post("gitlab", hook.headers, hook.body) for _ in range(100)),
        *(gitlab_line.post("gitlab", other.headers, other.body) for other in others),
    )
    assert sum(answer.status_code == 202 for answer in answers) == 1 + len(others)
    await gitlab_line.settle()
    (failure,) = await gitlab_line.failures()
    assert len(failure["actions"]) == 1
    assert len(gitlab.calls("POST", "/retry")) == 1


async def test_an_always_red_job_is_re_run_twice_and_then_handed_to_a_person(
    gitlab: FakeGitLab, gitlab_line: Line
):
    _, request, pipeline, _ = red_pipeline(gitlab, DNS)
    for _ in range(5):
        hook = gitlab.pipeline_hook(pipeline)
        await gitlab_line.post("gitlab", hook.headers, hook.body)
        await gitlab_line.settle()
        await gitlab_line.hurry()
        for job in gitlab.world.jobs_of(pipeline.id):
            if job.status != "failed":
                job.trace = DNS + END
        gitlab.finish(pipeline, test="failed")
    assert len(gitlab.calls("POST", "/retry")) == 2
    failures = await gitlab_line.failures()
    assert [item["status"] for item in failures] == ["escalated"] * 3
    (note,) = gitlab.notes(request)
    assert "still red" in note.body


async def test_nothing_is_retried_for_a_branch_that_is_gone(gitlab: FakeGitLab, gitlab_line: Line):
    project = gitlab.add_project("acme/shop")
    pipeline = gitlab.add_pipeline(project, ref="feature")
    gitlab.add_job(pipeline, "test", status="failed", trace=DNS + END)
    hook = gitlab.pipeline_hook(pipeline)
    await gitlab_line.post("gitlab", hook.headers, hook.body)
    await gitlab_line.settle()
    (failure,) = await gitlab_line.failures()
    assert failure["status"] == "superseded"
    assert gitlab.calls("POST", "/retry") == []
