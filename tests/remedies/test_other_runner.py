"""A re-run on another runner, against a platform that counts what it is asked."""

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.stages.decide.test_decide import run

from pipeline_guard.domain.dispatch import Dispatched
from pipeline_guard.domain.runs import ChangeRequest
from pipeline_guard.errors import Conflict, PlatformUnavailable
from pipeline_guard.remedies.base import Request
from pipeline_guard.remedies.rerun import REMEDY

PARAMS = {"scope": "other_runner", "input": "runner", "label": "spare"}
SINCE = datetime(2026, 11, 21, tzinfo=UTC)
MADE = Dispatched("77", "https://ci.example/77", "c0ffee")


class Recording:
    """Finds what it was told to find, and dispatches what it is asked."""

    def __init__(self, found: Dispatched | None = None, answer: Any = MADE) -> None:
        self.found, self.answer = found, answer
        self.dispatched: list[Any] = []
        self.cancelled: list[str] = []
        self.away: Exception | None = None

    async def against_other_runner(self, run: Any, name: str, label: str, is_protected: Any):
        raise AssertionError("that was asked before the decision")

    async def find_dispatched(self, run: Any, since: datetime) -> Dispatched | None:
        assert since == SINCE
        return self.found

    async def dispatch(self, run: Any, inputs: Any, since: datetime) -> Dispatched:
        self.dispatched.append((inputs, since))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def cancel(self, run: Any) -> None:
        if self.away is not None:
            raise self.away
        self.cancelled.append(run.run_id)


async def apply(platform: Any, a_run: Any = None, *, in_doubt: bool = False, attempt: int = 1):
    request = Request(attempt, PARAMS, in_doubt, SINCE)
    return await REMEDY.apply(platform, a_run or run(), request)


async def test_it_dispatches_and_keeps_the_new_runs_id():
    platform = Recording()
    result = await apply(platform)
    assert (result.status, result.external_id, result.url) == ("done", "77", MADE.url)
    assert platform.dispatched == [({"runner": "spare"}, SINCE)]


@pytest.mark.parametrize("in_doubt", [True, False])
@pytest.mark.parametrize("changes", [{}, {"head_sha": "beef"}, {"attempt": 2}])
async def test_what_an_interrupted_try_did_is_found_and_not_done_again(in_doubt, changes):
    platform = Recording(found=MADE)
    result = await apply(platform, run(**changes), in_doubt=in_doubt)
    assert (result.status, result.external_id) == ("done", "77")
    assert platform.dispatched == []


async def test_in_doubt_it_looks_again_before_it_asks():
    platform = Recording()
    assert (await apply(platform, in_doubt=True)).status == "unclear"
    assert platform.dispatched == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"head_sha": "beef"}, "skipped"),
        ({"head_sha": ""}, "skipped"),
        ({"head_sha": None}, "skipped"),
        ({"attempt": 2}, "done"),
        ({"status": "in_progress", "conclusion": None}, "done"),
        ({"request": ChangeRequest(7)}, "failed"),
    ],
)
async def test_a_run_that_is_not_where_the_plan_found_it_is_left_alone(changes, status):
    platform = Recording()
    result = await apply(platform, run(**changes))
    assert (result.status, result.external_id) == (status, None)
    assert platform.dispatched == []


async def test_a_run_of_a_commit_that_came_between_is_cancelled():
    platform = Recording(answer=Dispatched("78", None, "beef"))
    result = await apply(platform)
    assert (result.status, platform.cancelled) == ("skipped", ["78"])
    assert "is cancelled" in result.note


@pytest.mark.parametrize("error", [Conflict("409"), PlatformUnavailable("502")])
async def test_one_that_cannot_be_cancelled_is_told_of(error):
    platform = Recording(answer=Dispatched("78", "https://ci.example/78", "beef"))
    platform.away = error
    result = await apply(platform)
    assert (result.status, result.url) == ("skipped", "https://ci.example/78")
    assert "could not be cancelled" in result.note


async def test_a_commit_that_is_not_told_is_taken_for_the_right_one():
    assert (await apply(Recording(answer=Dispatched("78")))).status == "done"


@pytest.mark.parametrize("error", [Conflict("409"), PlatformUnavailable("502")])
async def test_what_the_platform_answers_is_for_the_stage_to_judge(error):
    with pytest.raises(type(error)):
        await apply(Recording(answer=error))


async def test_a_platform_without_dispatches_does_nothing():
    assert (await apply(object())).status == "failed"


def test_it_goes_into_words():
    assert REMEDY.describe(PARAMS).endswith("with runner: spare")
