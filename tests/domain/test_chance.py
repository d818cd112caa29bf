"""The chance of a re-run by history: a table of what is known against what is to be done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline_guard.domain.chance import FIRST, Record, Tally, levels, weigh
from pipeline_guard.policy.schema import Policy

WORTH = Policy().worth


def weighed(record: Record, minutes: float = 0.0):
    cost = WORTH.rerun_costs + WORTH.minute_costs * minutes
    return weigh(record, green_saves=WORTH.green_saves, cost=cost)


@pytest.mark.parametrize(
    ("record", "minutes", "pays"),
    [
        (Record(), 0, True),
        (Record(), 120, True),
        (Record(), 360, False),
        (Record(fingerprint=Tally(0, 1)), 5, True),
        (Record(fingerprint=Tally(0, 8)), 0, False),
        (Record(rule=Tally(90, 100), fingerprint=Tally(0, 8)), 0, False),
        (Record(category=Tally(1000, 1000), rule=Tally(50, 50), fingerprint=Tally(0, 8)), 0, False),
        (Record(fingerprint=Tally(12, 14)), 30, True),
        (Record(rule=Tally(0, 20)), 0, False),
        (Record(rule=Tally(0, 20), fingerprint=Tally(3, 3)), 0, True),
        (Record(category=Tally(5, 100)), 0, False),
        (Record(category=Tally(5, 100), rule=Tally(9, 10)), 0, True),
    ],
)
def test_a_re_run_is_made_where_it_is_expected_to_gain(record, minutes, pays):
    assert weighed(record, minutes).pays is pays


def test_without_outcomes_every_level_repeats_the_broader_one():
    assert [level.chance for level in levels(Record())] == pytest.approx([FIRST] * 3)


tallies = st.integers(0, 50).flatmap(
    lambda ended: st.integers(0, ended).map(lambda passed: Tally(passed, ended))
)
records = st.builds(Record, tallies, tallies, tallies)


@given(records)
def test_a_chance_is_a_chance(record):
    assert all(0.0 < level.chance < 1.0 for level in levels(record))


@given(records)
def test_one_more_pass_raises_it_and_one_more_failure_lowers_it(record):
    def chance(passed: int, ended: int) -> float:
        known = record.fingerprint
        more = Tally(known.passed + passed, known.ended + ended)
        return levels(Record(record.category, record.rule, more))[-1].chance

    assert chance(0, 1) < chance(0, 0) < chance(1, 1)
