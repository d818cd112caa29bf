"""The formula: agreement adds up, disagreement costs confidence, trust counts."""

import pytest

from pipeline_guard.classifier.combine import BY_HAND, Vote, combine

NOBODY = (None, None)
MODEL = {"timeout": 0.6, "test_failure": 0.4}


def test_confidences_add_up_to_one() -> None:
    found = combine([Vote("disk_full", "cause")], MODEL, ("disk_full", "disk_full"), BY_HAND)
    assert sum(found.values()) == pytest.approx(1.0)
    assert set(found) == {"timeout", "test_failure", "disk_full"}


def test_agreement_is_surer_than_disagreement() -> None:
    agreed = combine([Vote("timeout", "cause")], MODEL, ("timeout", "timeout"), BY_HAND)
    disputed = combine([Vote("disk_full", "cause")], MODEL, ("disk_full", "disk_full"), BY_HAND)
    assert agreed["timeout"] > disputed["disk_full"]


def test_a_cause_beats_a_verdict_and_a_consequence_hardly_counts() -> None:
    votes = [Vote("disk_full", "verdict"), Vote("crash", "cause"), Vote("cancelled", "consequence")]
    found = combine(votes, {}, ("crash", "crash"), BY_HAND)
    assert found["crash"] > found["disk_full"] > found["cancelled"]


def test_a_rule_that_was_often_wrong_speaks_more_softly() -> None:
    votes = [Vote("crash", "cause", trust=0.2), Vote("disk_full", "cause", trust=0.9)]
    found = combine(votes, {}, NOBODY, BY_HAND)
    assert found["disk_full"] > found["crash"]


def test_nobody_says_anything() -> None:
    assert combine([], {}, NOBODY, BY_HAND) == {}


def test_no_chance_of_zero_breaks_the_logarithm() -> None:
    found = combine([], {"timeout": 0.0, "crash": 1.0}, NOBODY, BY_HAND)
    assert found["crash"] > 0.9


def test_the_last_trouble_before_the_stop_counts_for_more() -> None:
    votes = [Vote("crash", "cause"), Vote("disk_full", "cause")]
    found = combine(votes, {}, (None, "disk_full"), BY_HAND)
    assert found["disk_full"] > found["crash"]
