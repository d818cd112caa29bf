"""What a policy asks of GitLab: the project's own file, tries by job, who asks for what."""

import pytest
from tests.fakes.gitlab import FakeGitLab
from tests.platforms.gitlab.test_read import event

from pipeline_guard.errors import PlatformUnavailable
from pipeline_guard.platforms.gitlab import shapes
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform

OWN = ".pipeline-guard.yml"


async def test_a_file_is_read_from_the_default_branch(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    project = fake.add_project("group/sub/app")
    run = await platform.read_run(event(fake, fake.add_pipeline(project, sha="a" * 40)))
    assert await platform.default_branch_file(run, OWN) is None
    project.trees[project.branches["main"]] = {OWN: b"mode: observe\n"}
    assert await platform.default_branch_file(run, OWN) == b"mode: observe\n"


async def test_an_outage_is_told(fake: FakeGitLab, platform: GitLabPlatform) -> None:
    project = fake.add_project("group/app")
    run = await platform.read_run(event(fake, fake.add_pipeline(project)))
    fake.fail_next("GET", "/repository/files/", 502, times=3)
    with pytest.raises(PlatformUnavailable):
        await platform.default_branch_file(run, OWN)


def test_tries_and_time_are_told_by_job() -> None:
    rows = [
        {"id": 1, "name": "test", "status": "failed", "duration": 12},
        {"id": 2, "name": "lint", "status": "failed", "duration": None},
        {"id": 3, "name": "test", "status": "failed", "duration": 30.5},
    ]
    found = {job.name: (job.tries, job.seconds) for job in shapes.jobs_of(rows)}
    assert found == {"lint": (1, None), "test": (2, 30.5)}


def test_whose_request_it_is_and_where_it_goes() -> None:
    request = shapes.request_of(
        {"iid": 3, "target_branch": "main", "first_contribution": True, "source_project_id": 9}
    )
    assert (request.target_branch, request.first_time_author) == ("main", True)
    assert request.from_fork
