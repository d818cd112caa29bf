"""What a policy asks of GitHub: the repository's own file, limits of re-runs, who asks for what."""

from datetime import UTC, datetime

import pytest
from tests.fakes.github import FakeGitHub
from tests.platforms.github.test_read import event

from pipeline_guard.errors import NotAuthorized, PlatformUnavailable
from pipeline_guard.platforms.github.adapter import GitHub
from pipeline_guard.platforms.github.read import content_of, job_from, request_from

OWN = ".pipeline-guard.yml"


async def test_a_file_is_read_from_the_default_branch(fake: FakeGitHub, github: GitHub) -> None:
    run = await github.read_run(event(fake.add_run()))
    assert await github.default_branch_file(run, OWN) is None
    fake.add_repo().files[OWN] = "mode: observe  # für alle\n".encode() * 9
    assert await github.default_branch_file(run, OWN) == fake.add_repo().files[OWN]
    assert all("ref" not in call.query for call in fake.calls("GET", "/contents/"))


@pytest.mark.parametrize(("status", "error"), [(403, NotAuthorized), (503, PlatformUnavailable)])
async def test_a_file_that_cannot_be_read_is_told(
    fake: FakeGitHub, github: GitHub, status: int, error: type[Exception]
) -> None:
    run = await github.read_run(event(fake.add_run()))
    fake.fail("GET", "/contents/", status, times=3)
    with pytest.raises(error):
        await github.default_branch_file(run, OWN)


@pytest.mark.parametrize(
    ("data", "held"),
    [
        ({"encoding": "base64", "content": "bW9kZTog\nYWN0\n", "size": 9}, b"mode: act"),
        ({"encoding": "base64", "content": "", "size": 0}, b""),
        ({"encoding": "none", "content": "", "size": 2_000_000}, None),
        ([{"type": "file", "name": "a"}], None),
        ({"encoding": "base64", "content": "x"}, None),
        (None, None),
    ],
)
def test_what_a_file_holds(data: object, held: bytes | None) -> None:
    assert content_of(data) == held


async def test_the_limits_of_re_runs_count_from_the_first_attempt(
    fake: FakeGitHub, github: GitHub
) -> None:
    made = fake.add_run()
    fake.world.rerun(made, None, "dev")
    fake.finish_run(made, "failure")
    run = await github.read_run(event(made))
    assert run.reruns_left == 49
    assert run.rerun_until == datetime(2026, 12, 20, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("association", "first"),
    [("NONE", True), ("FIRST_TIME_CONTRIBUTOR", True), ("MEMBER", False), (None, None)],
)
def test_who_has_contributed_nothing_yet(association: str | None, first: bool | None) -> None:
    pull = {"number": 1, "author_association": association, "base": {"ref": "main"}}
    found = request_from(pull, "acme/shop")
    assert found is not None
    assert (found.first_time_author, found.target_branch) == (first, "main")


def test_how_long_a_job_ran() -> None:
    times = {"started_at": "2026-11-20T10:00:00Z", "completed_at": "2026-11-20T10:01:30Z"}
    assert job_from({"id": 1, **times}).seconds == 90
    assert job_from({"id": 1, "started_at": "2026-11-20T10:00:00Z"}).seconds is None
