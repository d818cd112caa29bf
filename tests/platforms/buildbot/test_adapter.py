"""The adapter on a real Buildbot: chains of rebuilds as attempts, logs, rebuilds, refusals."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.platforms.buildbot.conftest import PASSWORD, Master

from pipeline_guard.domain.events import Event
from pipeline_guard.domain.inspection import Inspects
from pipeline_guard.domain.runs import Run
from pipeline_guard.errors import Conflict, NotAuthorized, NotFound, PlatformUnavailable, Rejected
from pipeline_guard.platforms.buildbot.adapter import BuildbotPlatform
from pipeline_guard.platforms.buildbot.client import BuildbotClient

REVISION = "1" * 40


def finished(buildid: int) -> Event:
    return Event(
        kind="run_finished",
        platform="buildbot",
        repository="",
        run_id=str(buildid),
        hints={"buildid": buildid},
    )


async def log_of(platform: BuildbotPlatform, run: Run) -> str:
    chunks = [chunk async for chunk in platform.stream_log(run, run.jobs[0])]
    return b"".join(chunks).decode()


async def test_a_rebuild_is_the_next_attempt_of_the_first_build(
    master: Master, platform: BuildbotPlatform
) -> None:
    master.lower_flag("gate")
    first = await master.built("gated", revision=REVISION, branch="main", project="acme/shop")
    run = await platform.read_run(finished(first["buildid"]))
    assert (run.run_id, run.attempt) == (str(first["buildid"]), 1)
    assert (run.status, run.conclusion) == ("completed", "failure")
    assert (run.repository, run.branch, run.commit) == ("acme/shop", "main", REVISION)
    assert run.workflow == "gated"
    assert [job.name for job in run.failed_jobs] == ["gated"]
    assert run.jobs[0].failed_step == "wait for the gate"
    assert "closed: no gate" in await log_of(platform, run)

    again = await platform.rerun(run, "failed_jobs", run.jobs[0])
    second = await master.finished("gated", 2)
    assert again.external_id == str(second["buildrequestid"])
    run = await platform.refresh(run)
    assert (run.run_id, run.attempt, run.conclusion) == (str(first["buildid"]), 2, "failure")
    assert run.jobs[0].id == str(second["buildid"])

    master.raise_flag("gate")
    await platform.rerun(run, "run", None)
    third = await master.finished("gated", 3)
    for buildid in (first["buildid"], second["buildid"], third["buildid"]):
        run = await platform.read_run(finished(buildid))
        assert (run.run_id, run.attempt) == (str(first["buildid"]), 3)
        assert (run.conclusion, run.failed_jobs) == ("success", ())

    earlier = await platform.earlier(run, [1, 2, 9])
    assert [(item.attempt, item.conclusion) for item in earlier] == [(1, "failure"), (2, "failure")]
    ids = [item.failed_jobs[0].id for item in earlier]
    assert ids == [str(first["buildid"]), str(second["buildid"])]
    assert all(item.finished_at and item.finished_at <= run.finished_at for item in earlier)
    assert "closed: no gate" in await log_of(platform, earlier[0])


async def test_a_secret_in_a_name_is_masked_in_every_attempt(
    master: Master, platform: BuildbotPlatform
) -> None:
    key = "AKIA2345678901234567"
    first = await master.built("several", branch=f"fix/{key}", project=f"acme/{key}")
    run = await platform.read_run(finished(first["buildid"]))
    assert (run.branch, run.repository) == ("fix/[redacted]", "acme/[redacted]")
    before = len(master.lab.builds("several"))
    await platform.rerun(run, "run", None)
    await master.finished("several", before + 1)
    run = await platform.refresh(run)
    (earlier,) = await platform.earlier(run, [1])
    assert (run.attempt, run.branch) == (2, "fix/[redacted]")
    assert earlier.branch == run.branch
    assert earlier.jobs[0].name == run.jobs[0].name == "several"


async def test_a_rebuild_asked_for_twice_is_a_conflict_even_before_it_starts(
    master: Master, platform: BuildbotPlatform
) -> None:
    build = await master.built("several")
    before = len(master.lab.builds("several"))
    run = await platform.read_run(finished(build["buildid"]))
    master.raise_flag("hold")
    try:
        asked = await platform.rerun(run, "run", None)
        with pytest.raises(Conflict):
            await platform.rerun(run, "run", None)
        waiting = await platform.refresh(run)
        assert (waiting.status, waiting.attempt, waiting.conclusion) == ("queued", 2, None)
        assert waiting.jobs[0].id == f"request-{asked.external_id}"
        with pytest.raises(NotFound):
            await log_of(platform, waiting)
    finally:
        master.lower_flag("hold")
    await master.built("several")  # makes the master look at its waiting requests again
    await master.finished("several", before + 2)
    with pytest.raises(Conflict):
        await platform.rerun(run, "run", None)
    assert len(master.lab.builds("several")) == before + 2


async def test_the_logs_of_all_failed_steps_come_one_after_the_other(
    master: Master, platform: BuildbotPlatform
) -> None:
    build = await master.built("several")
    run = await platform.read_run(finished(build["buildid"]))
    text = await log_of(platform, run)
    told = ["first went wrong", "second said: no", "report said: why"]
    places = [text.index(line) for line in told]
    assert places == sorted(places)
    assert "all is prepared" not in text
    assert not [line for line in text.splitlines() if line.startswith(("osecond", "ofirst"))]
    assert run.jobs[0].failed_step == "first check"


async def test_a_step_that_broke_in_the_master_tells_its_traceback(
    master: Master, platform: BuildbotPlatform
) -> None:
    build = await master.built("broken")
    run = await platform.read_run(finished(build["buildid"]))
    text = await log_of(platform, run)
    assert run.conclusion == "failure"
    assert "RuntimeError: this step broke inside the master" in text
    assert "<html" not in text.lower()
    assert any("break:" in line for line in await platform.annotations(run, run.jobs[0]))


async def test_a_green_build_has_no_failed_job_and_no_log_to_read(
    master: Master, platform: BuildbotPlatform
) -> None:
    build = await master.built("green")
    run = await platform.read_run(finished(build["buildid"]))
    assert (run.conclusion, run.failed_jobs, run.repository) == ("success", (), "green")
    with pytest.raises(NotFound):
        await log_of(platform, run)


async def test_a_running_build_cannot_be_rebuilt_and_has_no_conclusion(
    master: Master, platform: BuildbotPlatform
) -> None:
    master.lower_flag("go")
    master.force("slow")
    try:
        while not (builds := master.lab.builds("slow")):
            pass
        run = await platform.read_run(finished(builds[-1]["buildid"]))
        assert (run.status, run.conclusion) == ("in_progress", None)
        with pytest.raises(Conflict):
            await platform.rerun(run, "run", None)
    finally:
        master.raise_flag("go")
    await master.finished("slow", 1)


async def test_a_newer_change_of_the_branch_is_the_head(
    master: Master, platform: BuildbotPlatform
) -> None:
    where = {"branch": "topic", "repository": "https://git.example/acme/shop.git", "project": ""}
    build = await master.built("green", revision="a" * 40, **where)
    run = await platform.read_run(finished(build["buildid"]))
    assert (run.head_sha, run.repository) == (None, "acme/shop")
    master.lab.push(revision="b" * 40, **where)
    assert (await platform.refresh(run)).head_sha == "b" * 40


async def test_without_the_right_to_rebuild_the_answer_is_not_authorized(master: Master) -> None:
    build = await master.built("green")
    for credentials in ({}, {"user": "guest", "password": PASSWORD}):
        platform = BuildbotPlatform(BuildbotClient(master.url, **credentials))
        run = await platform.read_run(finished(build["buildid"]))
        with pytest.raises(NotAuthorized, match="healers"):
            await platform.rerun(run, "run", None)
        await platform.aclose()
    forger = BuildbotPlatform(BuildbotClient(master.url, user="guard", password="wrong"))
    with pytest.raises(NotAuthorized):
        await forger.check()
    await forger.aclose()


async def test_a_build_that_buildbot_started_again_is_the_same_run(
    master: Master, platform: BuildbotPlatform
) -> None:
    master.lower_flag("lost-once")
    master.force("lost")
    second = await master.finished("lost", 2)
    first = master.lab.builds("lost")[0]
    assert first["buildrequestid"] == second["buildrequestid"]
    for buildid in (first["buildid"], second["buildid"]):
        run = await platform.read_run(finished(buildid))
        assert (run.run_id, run.attempt, run.conclusion) == (str(first["buildid"]), 2, "failure")
    with pytest.raises(NotFound):
        await log_of(platform, run)
    assert any(line.startswith("lose:") for line in await platform.annotations(run, run.jobs[0]))

    await platform.rerun(run, "run", None)
    await master.finished("lost", 3)
    run = await platform.refresh(run)
    assert (run.run_id, run.attempt) == (str(first["buildid"]), 3)


async def test_what_is_not_there_is_told_apart_from_what_does_not_answer(
    master: Master, platform: BuildbotPlatform
) -> None:
    with pytest.raises(NotFound):
        await platform.read_run(finished(999_999))
    nobody = BuildbotPlatform(BuildbotClient("http://127.0.0.1:9"))
    with pytest.raises(PlatformUnavailable):
        await nobody.check()
    await nobody.aclose()


async def test_doctor_and_the_line_learn_who_and_where_we_are(
    master: Master, platform: BuildbotPlatform
) -> None:
    assert await platform.check() == f"Buildbot at {master.url} answers with 6 builder(s)"
    assert await platform.identity() == "guard"
    assert "comment" not in platform.capabilities
    assert isinstance(platform, Inspects)
    (rights,) = await platform.inspect([])
    assert (rights.state, rights.text) == ("ok", "Signed in as guard.")
    at = await platform.server_time()
    assert at is not None
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)


async def test_a_comment_is_refused(master: Master, platform: BuildbotPlatform) -> None:
    build = await master.built("green")
    run = await platform.read_run(finished(build["buildid"]))
    with pytest.raises(Rejected):
        await platform.upsert_comment(run.repository, None, "marker", "text", None)  # type: ignore[arg-type]


async def test_a_running_build_is_stopped_once(master: Master, platform: BuildbotPlatform) -> None:
    before = len(master.lab.builds("slow"))
    master.lower_flag("go")
    master.force("slow")
    try:
        while len(builds := master.lab.builds("slow")) == before:
            await asyncio.sleep(0.02)
        run = await platform.read_run(finished(builds[-1]["buildid"]))
        await platform.cancel(run)
        await master.finished("slow", before + 1)
        assert (await platform.refresh(run)).conclusion == "cancelled"
        with pytest.raises(Conflict):
            await platform.cancel(run)
    finally:
        master.raise_flag("go")
