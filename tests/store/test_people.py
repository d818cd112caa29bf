"""Labels, switches and commands in a real database."""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.classifier.manifest import read_manifests
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.domain.plan import Plan
from pipeline_guard.domain.runs import Job, Run
from pipeline_guard.store import commands, failures, labels, switches
from pipeline_guard.store.commands import Said
from pipeline_guard.store.tables import Repository

RUN = Run("github", "acme/shop", "7", 1, "completed", "failure", "ci", "main", "c0ffee")


async def stored(session: AsyncSession, job_id: str = "1") -> int:
    diagnosis = Diagnosis("crash", 0.9, "rule", transient=False, excerpt="it fell over")
    found = await failures.add(session, RUN, Job(job_id, "tests", "failure"), diagnosis, Plan())
    assert found is not None
    return found


def said(position: int = 0, **more: Any) -> Said:
    values: dict[str, Any] = {
        "platform": "github", "repository": "acme/shop", "number": 3, "comment_id": "5",
        "position": position, "author": "ann", "name": "retry", "argument": "",
    }  # fmt: skip
    return Said(**(values | more))


async def test_of_several_labels_the_newest_counts_and_all_are_kept(session: AsyncSession):
    first, second = await stored(session), await stored(session, "2")
    labels.add(session, [first, second], "timeout", "ann")
    await session.flush()
    labels.add(session, [first], "flaky_test", "bob")
    await session.flush()
    found = [(item.failure, item.label, item.author) for item in await labels.newest(session)]
    assert found == [(first, "flaky_test", "bob"), (second, "timeout", "ann")]
    assert (await labels.newest(session))[0].text == "it fell over"
    failure = await failures.get(session, first)
    assert failure is not None
    assert [label.category for label in failure.labels] == ["timeout", "flaky_test"]


async def test_a_switch_says_who_turned_it_last(session: AsyncSession):
    here = ("github", "acme/shop")
    assert await switches.off_by(session, *here) is None
    await switches.turn(session, *here, "ann", off=True)
    assert (await switches.off_by(session, *here) or "").startswith("ann on 2")
    assert await switches.off_by(session, "github", "acme/other") is None
    await switches.turn(session, *here, "bob", off=False)
    assert await switches.off_by(session, *here) is None


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (("github", "Acme/Shop"), "UTC"),
        (("*", "acme/shop"), "UTC"),
        (("github", "acme/*"), "with all of acme"),
        (("github", "*"), "with all of github"),
        (("*", "*"), "with all of Pipeline Guard"),
        (("gitlab", "acme/shop"), None),
        (("github", "acm/*"), None),
        (("github", "acme/shop/*"), None),
    ],
)
async def test_a_switch_is_over_what_it_names_in_any_case_of_letters(session, place, words):
    await switches.turn(session, *place, "ann", off=True)
    told = await switches.off_by(session, "github", "acme/shop")
    assert told is None if words is None else (told or "").endswith(words)


@pytest.mark.parametrize("name", ["İzmir", "ΟΔΟΣ", "a%b_c", "a\\b"])
@pytest.mark.parametrize("behind", ["", "/shop"])
async def test_a_switch_holds_whatever_letters_and_signs_are_in_the_name(session, name, behind):
    place = ("buildbot", f"{name}/*" if behind else name)
    here = ("buildbot", f"{name}{behind}")
    now = datetime.now(UTC)
    seen = {"first_seen": now, "last_seen": now, "last_delivery": 1}
    for repository in (here[1], f"aXbXc{behind}"):
        session.add(Repository(platform="buildbot", repository=repository, **seen))
    await switches.turn(session, *place, "ann", off=True)
    assert await switches.off_by(session, *here)
    assert await switches.off_by(session, "buildbot", f"aXbXc{behind}") is None
    assert await switches.reach(session, *place) == 1
    await switches.turn(session, *place, "bob", off=False)
    assert await switches.off_by(session, *here) is None
    assert len(await switches.everything(session)) == 1


async def test_a_group_is_over_its_sub_groups_and_the_widest_switch_speaks(session: AsyncSession):
    here = ("gitlab", "acme/web/shop")
    await switches.turn(session, *here, "ann", off=True)
    await switches.turn(session, "gitlab", "acme/web/*", "bob", off=True)
    await switches.turn(session, "gitlab", "acme/*", "eve", off=True)
    assert (await switches.off_by(session, *here) or "").startswith("eve")
    await switches.turn(session, "gitlab", "ACME/*", "eve", off=False)
    assert (await switches.off_by(session, *here) or "").startswith("bob")
    assert len(await switches.everything(session)) == 3


async def test_a_command_is_found_by_its_place_in_its_comment(session: AsyncSession):
    commands.add(session, said(), "c0ffee", "done", "Fine.")
    commands.add(session, said(1, name="off"), "c0ffee", "refused", "No.")
    commands.add(session, said(comment_id="6"), "beef", "done", "Fine.")
    await session.flush()
    known = await commands.get(session, said(1))
    assert known is not None
    assert (known.name, known.status) == ("off", "refused")
    assert await commands.get(session, said(2)) is None
    shown = await commands.of_request(session, "github", "acme/shop", 3, "c0ffee")
    assert [item.name for item in shown] == ["retry", "off"]


async def test_labels_are_printed_as_lines_to_train_on(database, database_url, tmp_path):
    async with database.transaction() as session:
        labels.add(session, [await stored(session)], "flaky_test", "ann")
    settings = {key: os.environ[key] for key in ("PATH", "PYTHONPATH") if key in os.environ}
    settings["PIPELINE_GUARD_DATABASE_URL"] = database_url

    async def call(*arguments: str) -> str:
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pipeline_guard", "failures", "labels", *arguments,
            env=settings, cwd=tmp_path, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        printed, _ = await asyncio.wait_for(running.communicate(), 60)
        assert running.returncode == 0
        return printed.decode()

    line = json.loads(await call("--json"))
    assert (line["text"], line["label"], line["author"]) == ("it fell over", "flaky_test", "ann")
    assert "flaky_test" in await call()
    await call("--export", "people")
    (entry,) = read_manifests([tmp_path / "people" / "manifest.jsonl"])
    assert (entry.label, entry.project, entry.silver) == ("flaky_test", "acme/shop", False)
    assert entry.path.read_text() == "it fell over"
    assert entry.transient is None
