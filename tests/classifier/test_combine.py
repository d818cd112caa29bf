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


def test_what_went_wrong_long_before_a_test_failed_counts_for_less() -> None:
    pull = Vote("container_registry", "cause", order=10)
    soon = combine([pull, Vote("test_failure", "cause", order=12)], {}, NOBODY, BY_HAND)
    late = combine([pull, Vote("test_failure", "cause", order=5_000)], {}, NOBODY, BY_HAND)
    assert late["container_registry"] < soon["container_registry"]
    after = [Vote("container_registry", "cause", order=6_000), Vote("test_failure", "cause")]
    assert combine(after, {}, NOBODY, BY_HAND) == combine(
        [Vote("container_registry", "cause"), Vote("test_failure", "cause")], {}, NOBODY, BY_HAND
    )


def test_a_model_of_before_an_input_was_thought_of_still_speaks() -> None:
    older = {name: value for name, value in BY_HAND.items() if name != "outlived"}
    votes = [Vote("crash", "cause", order=1), Vote("lint_format", "cause", order=900)]
    assert sum(combine(votes, {}, NOBODY, older).values()) == pytest.approx(1.0)
