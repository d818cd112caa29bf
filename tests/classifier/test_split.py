"""Folds never share a project or a near-duplicate, and are the same every time."""

from pipeline_guard.classifier.features import terms
from pipeline_guard.classifier.split import folds, groups, wordings


def _wordings(*lines: str) -> frozenset[str]:
    return wordings([tuple(terms([line])) for line in lines])


def test_near_duplicates_differ_only_in_numbers() -> None:
    left = _wordings("cannot fetch 12 files", "giving up after 3 tries")
    right = _wordings("cannot fetch 99 files", "giving up after 7 tries")
    assert groups([None, None], [left, right]) == [0, 0]


def test_project_and_likeness_chain() -> None:
    alike = _wordings("linker exploded badly")
    other = _wordings("tests went wrong here")
    found = groups(["one/a", None, "one/a", "two/b"], [other, alike, alike, _wordings("quiet")])
    assert found == [0, 0, 0, 1]


def test_empty_logs_are_not_alike() -> None:
    assert groups([None, None], [frozenset(), frozenset()]) == [0, 1]


def test_folds_keep_groups_whole_and_spread_labels() -> None:
    group_of = [0, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    labels = ["a", "a", "a", "a", "a", "b", "b", "b", "b", "b"]
    found = folds(group_of, labels)
    assert found[0] == found[1]
    assert found == folds(group_of, labels)
    assert {found[index] for index in range(5, 10)} == {0, 1, 2, 3, 4}
