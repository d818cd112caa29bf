from datetime import UTC, datetime, timedelta

import pytest

from pipeline_guard import errors
from pipeline_guard.domain.statuses import come_back, kind_of, server_date

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EPOCH = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("after", "reset", "seconds"),
    [
        ("90", "", 90),
        ("Fri, 02 Jan 2026 03:05:05 GMT", "", 60),
        ("90", f"{EPOCH + 7}", 90),
        ("", f"{EPOCH + 7}", 7),
        ("soon", f"{EPOCH + 7}", 7),
        ("", f"{EPOCH - 7}", 0),
        ("9" * 5000, "", 86_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", "", 86_400),
        ("", "9" * 40, 86_400),
        ("²", "", None),
        ("", "", None),
    ],
)
def test_a_limit_ends_when_the_answer_says_but_within_a_day(after, reset, seconds):
    expected = None if seconds is None else NOW + timedelta(seconds=seconds)
    assert come_back({"retry-after": after}, NOW, reset=reset) == expected


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        (errors.NotAuthorized, (401, 403)),
        (errors.NotFound, (404, 410)),
        (errors.Conflict, (409,)),
        (errors.PlatformUnavailable, (408, 425, 500, 502, 503, 504, 599)),
        (errors.Rejected, (302, 400, 405, 422, 501)),
    ],
)
def test_each_status_is_an_error_of_one_kind(kind, statuses):
    assert {kind_of(status) for status in statuses} == {kind}


def test_a_clock_that_cannot_be_read_is_none():
    assert server_date({"date": "Fri, 02 Jan 2026 03:04:05 GMT"}) == NOW
    assert server_date({"date": "yesterday"}) is None
    assert server_date({}) is None
