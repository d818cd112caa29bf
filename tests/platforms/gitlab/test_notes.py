"""One note of ours per merge request: found again, edited in place, inert, within the limit."""

from dataclasses import replace

import pytest
from tests.fakes.gitlab import FakeGitLab, MergeRequest

from pipeline_guard.domain.capabilities import CommentResult
from pipeline_guard.domain.events import Event
from pipeline_guard.domain.runs import Run
from pipeline_guard.errors import NotAuthorized, NotFound, PlatformUnavailable, RateLimited
from pipeline_guard.platforms.gitlab.adapter import GitLabPlatform
from pipeline_guard.platforms.gitlab.text import MAX_CHARS, fitted, inert

MARKER = "<!-- pipeline-guard -->"


@pytest.fixture
def request_of(fake: FakeGitLab) -> MergeRequest:
    return fake.add_merge_request(fake.add_project("group/app"), "feature")


@pytest.fixture
async def run(fake: FakeGitLab, platform: GitLabPlatform, request_of: MergeRequest) -> Run:
    project = fake.world.projects[request_of.project_id]
    pipeline = fake.add_pipeline(project, ref="feature")
    fake.add_job(pipeline, "unit", status="failed")
    return await platform.read_run(Event("run_finished", "gitlab", project.path, str(pipeline.id)))


async def write(
    platform: GitLabPlatform, run: Run, text: str, known: str | None = None
) -> CommentResult:
    assert run.request is not None
    return await platform.upsert_comment(
        run.repository, run.request, MARKER, f"{MARKER}\n{text}", known
    )


async def test_the_note_is_made_once_and_then_edited(
    fake: FakeGitLab, platform: GitLabPlatform, run: Run, request_of: MergeRequest
) -> None:
    first = await write(platform, run, "one")
    second = await write(platform, run, "two")
    third = await write(platform, run, "three", second.comment_id)
    assert [one.created for one in (first, second, third)] == [True, False, False]
    assert first.comment_id == second.comment_id == third.comment_id
    (note,) = fake.notes(request_of)
    assert note.body == f"{MARKER}\nthree"
    assert note.edits == 2
    assert str(first.url).endswith(f"/merge_requests/{request_of.iid}#note_{note.id}")


async def test_an_unchanged_note_is_not_written(
    fake: FakeGitLab, platform: GitLabPlatform, run: Run
) -> None:
    result = await write(platform, run, "same\n")
    await write(platform, run, "same")
    await write(platform, run, "same", result.comment_id)
    assert len(fake.calls("POST")) == 1
    assert not fake.calls("PUT")


async def test_notes_of_others_are_left_alone_even_with_our_marker(
    fake: FakeGitLab, platform: GitLabPlatform, run: Run, request_of: MergeRequest
) -> None:
    theirs = fake.add_note(request_of, "mallory", f"{MARKER} mine now")
    fake.add_note(request_of, fake.bot, f"mentioned in {MARKER}", system=True)
    fake.add_note(request_of, fake.bot, "another note of the bot's")
    assert (await write(platform, run, "one", str(theirs.id))).created
    assert theirs.body == f"{MARKER} mine now"


async def test_our_note_is_found_behind_many_others(
    fake: FakeGitLab, platform: GitLabPlatform, run: Run, request_of: MergeRequest
) -> None:
    for number in range(230):
        fake.add_note(request_of, "dev", f"remark {number}")
    ours = fake.add_note(request_of, fake.bot, f"old\n{MARKER}")
    result = await write(platform, run, "new")
    assert (result.comment_id, result.created) == (str(ours.id), False)
    assert len(fake.calls("GET", "/notes")) == 3
    del fake.world.notes[ours.id]
    ours.id, fake.world.notes[1] = 1, ours  # the oldest one now: on the first page
    await write(platform, run, "newer")
    assert len(fake.calls("GET", "/notes")) == 4


async def test_a_deleted_note_is_made_again(
    fake: FakeGitLab, platform: GitLabPlatform, run: Run
) -> None:
    first = await write(platform, run, "one")
    fake.world.notes.clear()
    second = await write(platform, run, "one", first.comment_id)
    assert second.created
    assert second.comment_id != first.comment_id
    assert (await write(platform, run, "one", "not-a-number")).comment_id == second.comment_id


@pytest.mark.parametrize("after", [True, False])
async def test_after_a_lost_answer_there_is_never_a_second_note(
    fake: FakeGitLab, platform: GitLabPlatform, run: Run, request_of: MergeRequest, after: bool
) -> None:
    fake.fail_next("POST", "/notes", 502, after=after)
    if after:
        assert (await write(platform, run, "one")).created
    else:
        with pytest.raises(PlatformUnavailable):
            await write(platform, run, "one")
    await write(platform, run, "one")
    assert len(fake.notes(request_of)) == 1


async def test_quoted_quick_actions_do_not_act(
    fake: FakeGitLab, platform: GitLabPlatform, run: Run, request_of: MergeRequest
) -> None:
    await write(platform, run, "evidence:\n/close\n```\n```\n/merge  \n/close")
    assert request_of.state == "opened"
    assert inert("/guard retry\n/usr/bin/make: no\nsee /close\n").count("\u200b") == 0
    assert inert("a\r\n  /Label ~x\n/assign @me").count("\u200b") == 2
    assert inert("\n" * MAX_CHARS) == "\n" * MAX_CHARS  # in no time: blank lines are no trap


async def test_a_long_note_is_cut_and_still_found(
    fake: FakeGitLab, platform: GitLabPlatform, run: Run, request_of: MergeRequest
) -> None:
    assert run.request is not None
    for _ in range(2):
        body = "x" * (MAX_CHARS + 5) + MARKER
        await platform.upsert_comment(run.repository, run.request, MARKER, body, None)
    (note,) = fake.notes(request_of)
    assert len(note.body) == MAX_CHARS
    assert note.edits == 0
    assert note.body.endswith(MARKER)
    assert fitted("x" * MAX_CHARS, MARKER) == "x" * MAX_CHARS


async def test_a_forks_note_goes_to_the_request_in_the_parent(
    fake: FakeGitLab, platform: GitLabPlatform
) -> None:
    parent = fake.add_project("group/app")
    fork = fake.add_project("dev/app", forked_from=parent)
    theirs = fake.add_merge_request(parent, "feature", source=fork)
    pipeline = fake.add_pipeline(fork, ref="feature")
    fake.add_job(pipeline, "unit", status="failed")
    run = await platform.read_run(Event("run_finished", "gitlab", fork.path, str(pipeline.id)))
    await write(platform, run, "one")
    assert len(fake.notes(theirs)) == 1


async def test_what_goes_wrong_is_said(
    fake: FakeGitLab, platform: GitLabPlatform, run: Run
) -> None:
    assert run.request is not None
    with pytest.raises(NotFound):
        await platform.upsert_comment(
            run.repository, replace(run.request, number=99), MARKER, MARKER, None
        )
    fake.limit(1, seconds=30)
    with pytest.raises(RateLimited) as caught:
        await write(platform, run, "one")
    assert caught.value.retry_at is not None
    fake.api.remaining = None
    fake.fail_next("POST", "/notes", 403)
    with pytest.raises(NotAuthorized):
        await write(platform, run, "one")
