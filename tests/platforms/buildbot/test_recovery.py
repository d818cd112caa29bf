"""Red builds, read back from a real master's list."""

import asyncio
from datetime import UTC, datetime, timedelta

from tests.platforms.buildbot.conftest import TOKEN, Master

from pipeline_guard.domain.recovery import FinishedRun, ListsRuns
from pipeline_guard.platforms.buildbot.adapter import BuildbotPlatform
from pipeline_guard.platforms.buildbot.webhook import BuildbotWebhook
from pipeline_guard.platforms.buildbot.words import moment


async def listed(platform: BuildbotPlatform, since: datetime) -> list[FinishedRun]:
    return [item async for item in platform.finished_runs("", since)]


async def test_red_builds_and_rebuilds_are_listed_as_their_pushes_told_them(
    master: Master, platform: BuildbotPlatform
) -> None:
    assert isinstance(platform, ListsRuns)
    since = datetime.now(UTC) - timedelta(seconds=1)
    await master.built("green", branch="main", project="acme/shop")
    red = await master.built("several", branch="main", project="acme/shop")
    broken = await master.built("broken", branch="main", project="acme/tools")
    before = len(await asyncio.to_thread(master.lab.builds, "several"))
    await platform.rerun(await platform.read_run(await _told(master, red["buildid"])), "run", None)
    rebuilt = await master.finished("several", before + 1)

    found = {item.event.hints["buildid"]: item for item in await listed(platform, since)}
    assert set(found) >= {red["buildid"], broken["buildid"], rebuilt["buildid"]}
    for build in (red, broken, rebuilt):
        item = found[build["buildid"]]
        assert item.event == await _told(master, build["buildid"])
        assert item.finished_at == moment(build["complete_at"])
    assert found[rebuilt["buildid"]].event.run_id == str(red["buildid"])
    assert len({item.key for item in found.values()}) == len(found)


async def test_builds_that_ended_before_are_not_listed(
    master: Master, platform: BuildbotPlatform
) -> None:
    await master.built("broken")
    assert await listed(platform, datetime.now(UTC) + timedelta(seconds=5)) == []


async def _told(master: Master, buildid: int):
    headers, body = await master.push_of(buildid, "/plain")
    return BuildbotWebhook([TOKEN]).parse(headers, body).outcome
