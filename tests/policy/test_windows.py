from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from pipeline_guard.policy.windows import Window


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


NIGHT = Window(start="22:00", end="04:00", days=("fri",))  # Friday is 2026-11-20
NOON = Window(start="12:00", end="13:00")
ONCE = Window(start="2026-12-24T18:00Z", end="2026-12-26T06:00+01:00")


@pytest.mark.parametrize(
    ("window", "now", "inside"),
    [
        (NIGHT, "2026-11-20T21:59:59Z", False),
        (NIGHT, "2026-11-20T22:00Z", True),
        (NIGHT, "2026-11-21T03:59Z", True),
        (NIGHT, "2026-11-21T04:00Z", False),
        (NIGHT, "2026-11-20T03:00Z", False),
        (NIGHT, "2026-11-21T23:00Z", False),
        (NIGHT, "2026-11-20T23:30+01:00", True),
        (NOON, "2026-11-18T12:30Z", True),
        (NOON, "2026-11-18T13:00Z", False),
        (ONCE, "2026-12-24T17:59Z", False),
        (ONCE, "2026-12-26T04:59Z", True),
        (ONCE, "2026-12-26T05:00Z", False),
    ],
)
def test_a_window_covers_its_time_and_no_other(window, now, inside):
    assert window.covers(at(now)) is inside


@pytest.mark.parametrize(
    "values",
    [
        {"from": "22:00", "to": "2026-12-24T18:00Z"},
        {"from": "2026-12-24T18:00", "to": "2026-12-25T18:00"},
        {"from": "2026-12-25T18:00Z", "to": "2026-12-24T18:00Z"},
        {"from": "2026-12-24T18:00Z", "to": "2026-12-25T18:00Z", "days": ["mon"]},
        {"from": "22", "to": "23"},
        {"from": "22:00", "to": "23:00", "days": ["friday"]},
    ],
)
def test_what_is_no_window_is_refused(values):
    with pytest.raises(ValidationError):
        Window.model_validate(values)
