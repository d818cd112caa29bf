"""When a platform is left alone, and what two replicas agree on about it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from pipeline_guard.stages.breakers.limits import paused_until
from pipeline_guard.store import limits
from pipeline_guard.store.limits import Known
from pipeline_guard.telemetry.allowance import Allowance, Allowances, allowance_of

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SOON, LATER = NOW + timedelta(minutes=10), NOW + timedelta(minutes=40)
GONE = NOW - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("known", "until"),
    [
        (Known(4000, 5000, SOON, None), None),
        (Known(100, 5000, SOON, None), SOON),
        (Known(0, 5000, GONE, None), None),
        (Known(5, 60, SOON, None), SOON),
        (Known(6, 60, SOON, None), None),
        (Known(None, None, None, LATER), LATER),
        (Known(None, None, None, GONE), None),
        (Known(0, 5000, SOON, LATER), LATER),
    ],
)
def test_when_to_come_back(known, until):
    assert paused_until(known, NOW) == until


@pytest.mark.parametrize(
    ("headers", "allowance"),
    [
        ({"x-ratelimit-remaining": "7", "x-ratelimit-limit": "60", "x-ratelimit-reset": "0"},
         Allowance(7, 60, datetime.fromtimestamp(0, UTC))),
        ({"ratelimit-remaining": "7", "ratelimit-limit": "60", "ratelimit-reset": "0"},
         Allowance(7, 60, datetime.fromtimestamp(0, UTC))),
        ({"x-ratelimit-remaining": "7", "x-ratelimit-limit": "60"}, None),
        ({"x-ratelimit-remaining": "7", "x-ratelimit-limit": "9", "x-ratelimit-reset": "9" * 30},
         None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-limit": "9", "x-ratelimit-reset": "0",
          "x-ratelimit-resource": "search"}, None),
    ],
)  # fmt: skip
def test_what_headers_say(headers, allowance):
    assert allowance_of(headers) == allowance
    heard = Allowances()
    heard.heard("github", headers)
    assert (heard.take("github"), heard.take("github")) == (allowance, None)


async def test_replicas_agree_on_the_lowest_of_a_window_and_begin_anew_with_the_next(
    session: AsyncSession,
):
    async def known() -> tuple[int | None, datetime | None]:
        found = await limits.get(session, "github")
        assert found is not None
        return found.remaining, found.resets_at

    await limits.note(session, "github", 50, 5000, SOON)
    await limits.note(session, "github", 70, 5000, SOON + timedelta(seconds=1))
    assert (await known())[0] == 50
    await limits.note(session, "github", 4999, 5000, LATER)
    assert await known() == (4999, LATER)
    await limits.pause(session, "github", LATER)
    await limits.pause(session, "github", SOON)
    found = await limits.get(session, "github")
    assert found is not None
    assert (found.paused_until, found.remaining) == (LATER, 4999)
