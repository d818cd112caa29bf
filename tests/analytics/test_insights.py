"""Figures that people act on, each against a table small enough to work out by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline_guard.analytics.digest import digest
from pipeline_guard.analytics.flaky import flaky
from pipeline_guard.analytics.frame import COLUMNS
from pipeline_guard.analytics.frame import frame as framed
from pipeline_guard.analytics.healing import NO_RULE, groups, per_day, totals
from pipeline_guard.analytics.money import money, money_in_all

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def frame(rows):
    return framed([tuple(item[name] for name in COLUMNS) for item in rows])


def row(days_ago: float = 0.1, **changes: object) -> dict[str, object]:
    created = NOW - timedelta(days=days_ago)
    values = {
        "id": 1, "platform": "github", "repository": "acme/shop", "job": "test",
        "category": "network_transient", "rule": "net-dns-curl", "fingerprint": "f1",
        "status": "open", "transient": True, "created_at": created, "settled_at": None,
        "rerun_passed": None, "rerun": False, "minutes": None, "green_saves": None,
        "money": None, "hour_costs": None,
        "failed_tests": [],
    }  # fmt: skip
    return values | changes


def healed(days_ago: float = 0.1, after: float = 10, **changes: object) -> dict[str, object]:
    settled = NOW - timedelta(days=days_ago) + timedelta(minutes=after)
    values = {"status": "healed", "rerun": True, "rerun_passed": True, "settled_at": settled,
              "minutes": 4.0, "green_saves": 30.0}  # fmt: skip
    return row(days_ago, **values | changes)


def again(days_ago: float = 0.1, **changes: object) -> dict[str, object]:
    values = {"status": "escalated", "rerun": True, "rerun_passed": False, "minutes": 6.0}
    return row(days_ago, **values | changes)


def test_nothing_yet_is_told_without_numbers_that_nobody_measured():
    table = frame([])
    assert groups(table, "category") == []
    found = totals(table)
    assert (found.all.failures, found.all.rate, found.all.to_green) == (0, None, None)
    assert [item.healed for item in per_day(table, NOW, 3)] == [0, 0, 0]
    assert flaky(table, NOW) == []
    assert digest(table, NOW).movers == ()


def test_the_heal_rate_counts_ended_re_runs_of_ours_only():
    table = frame([healed(), healed(), again(), row(rerun=True), row(rerun_passed=True)])
    (group,) = groups(table, "category")
    assert (group.failures, group.healed, group.in_vain) == (5, 2, 1)
    assert group.rate == pytest.approx(2 / 3)


def test_time_to_green_is_the_median_over_what_became_green():
    table = frame([healed(after=5), healed(after=8), healed(after=500), again()])
    assert totals(table).all.to_green == pytest.approx(8)


def test_what_re_runs_took_and_gave_back():
    found = totals(frame([healed(), again(), row(minutes=20.0)]))
    assert (found.reruns, found.spent, found.wasted) == (2, 10.0, 6.0)
    assert (found.saved, found.not_spent) == (30.0, 20.0)


def test_money_is_what_the_prices_make_of_it_and_of_people_only_where_their_hour_has_one():
    table = frame(
        [
            healed(money=0.5, hour_costs=80.0),
            again(money=0.25, hour_costs=80.0),
            row(money=2.0, repository="acme/web"),
            again(),  # decided before there were prices
        ]
    )
    shop, web = money(table, "repository")
    assert (shop.name, shop.reruns, shop.spent, shop.wasted) == ("acme/shop", 2, 0.75, 0.25)
    assert (shop.not_spent, shop.saved) == (0.0, 40.0)  # half an hour of a person
    assert (web.reruns, web.spent, web.not_spent, web.saved) == (0, 0.0, 2.0, None)
    everything = money_in_all(table)
    assert (everything.spent, everything.not_spent, everything.saved) == (0.75, 2.0, 40.0)


def test_money_of_each_day_is_told_by_what_became_of_it():
    table = frame([healed(0.1, money=0.5), again(0.2, money=0.25), healed(1.1), row(0.1, money=9)])
    days = per_day(table, NOW, 2)
    assert [(item.money_healed, item.money_wasted) for item in days] == [(0, 0), (0.5, 0.25)]


def test_without_prices_there_is_no_money_to_tell_of():
    table = frame([healed(hour_costs=80.0), again()])
    assert money(table, "category") == []
    assert money_in_all(table) is None


def test_groups_by_each_column_and_names_what_no_rule_named():
    table = frame([healed(), again(rule=None, repository="acme/web", platform="gitlab")])
    assert {item.name for item in groups(table, "rule")} == {"net-dns-curl", NO_RULE}
    assert {item.name for item in groups(table, "repository")} == {"acme/shop", "acme/web"}
    assert [item.name for item in groups(table, "platform")] == ["github", "gitlab"]


def test_every_day_is_there_and_each_failure_on_its_own():
    table = frame([healed(0.1), row(0.2), row(1.1, status="observed"), again(1.2)])
    days = per_day(table, NOW, 3)
    assert [(item.healed, item.person, item.other) for item in days] == [
        (0, 0, 0), (0, 1, 1), (1, 1, 0)
    ]  # fmt: skip
    assert [(item.minutes_healed, item.minutes_wasted) for item in days] == [
        (0, 0), (0, 6), (4, 0)
    ]  # fmt: skip


def test_a_test_is_flaky_when_it_passed_at_the_same_commit_not_when_it_only_failed():
    a, b = ["t::a", "t::b"], ["t::b"]
    table = frame(
        [healed(1, failed_tests=a), healed(9, failed_tests=b), row(2, failed_tests=["t::c"])]
    )
    first, second = flaky(table, NOW)
    assert (first.test, first.flaked, first.failed, first.minutes) == ("t::b", 2, 2, 8.0)
    assert first.weeks == (0, 0, 0, 0, 1, 1)
    assert (second.test, second.trend) == ("t::a", 1)


def test_the_digest_sets_the_week_beside_the_one_before():
    table = frame(
        [healed(1), again(2, category="crash", fingerprint="new"), row(8), row(9), row(20)]
    )
    found = digest(table, NOW)
    assert (found.now.all.failures, found.before.all.failures) == (2, 2)
    assert [(item.category, item.now, item.before) for item in found.movers] == [
        ("crash", 1, 0), ("network_transient", 1, 2)
    ]  # fmt: skip
    assert found.new == 1
