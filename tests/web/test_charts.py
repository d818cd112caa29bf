from datetime import date

import pytest

from pipeline_guard.web.dashboard.charts import Series, bar, columns, nice, trend
from pipeline_guard.web.tabular import csv_line

DAYS = [date(2026, 11, 20), date(2026, 11, 21)]


@pytest.mark.parametrize(
    ("most", "top"), [(0, 4), (4, 4), (5, 8), (7, 8), (9, 12), (23, 40), (84, 100)]
)
def test_axes_end_at_round_numbers(most, top):
    assert nice(most) == top


@pytest.mark.parametrize(("most", "top"), [(0, 4), (0.1, 0.1), (0.013, 0.02), (3, 4), (84, 100)])
def test_axes_of_what_is_no_count_fit_small_amounts(most, top):
    assert nice(most, whole=False) == pytest.approx(top)


def test_small_amounts_are_drawn_and_told():
    values = [Series("that healed", "good", [0.013, 0])]
    drawn = columns("c", DAYS, values, "Money", whole=False)
    assert drawn.count("<rect") == 1
    assert "0.013 that healed in all" in drawn
    assert ">0.005<" in drawn


def test_a_chart_says_in_words_what_it_shows():
    drawn = columns("c", DAYS, [Series("healed", "good", [3, 1])], "Failures")
    assert "4 healed in all" in drawn
    assert "Sat 21 Nov: 1 healed" in drawn
    assert drawn.count("<rect") == 2
    assert "style=" not in drawn


def test_nothing_is_drawn_of_nothing():
    assert "<rect" not in columns("c", DAYS, [Series("healed", "good", [0, 0])], "Failures")
    assert bar(None) == ""


def test_names_from_outside_are_escaped_in_a_chart():
    assert "<b>" not in columns("c", DAYS, [Series("<b>", "good", [1, 1])], "Failures")


def test_a_trend_is_told_in_words():
    assert 'aria-label="by week: 0, 2, 1"' in trend([0, 2, 1])


def test_no_spreadsheet_calculates_a_name():
    assert csv_line(["=1+1", "plain", -2, None]) == "'=1+1,plain,-2,\r\n"
