"""Splits labelled logs into folds that share no project and no near-duplicate."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from hashlib import blake2b

FOLDS = 5
_SKETCH = 48
_ALIKE = 0.5
"""Share of sketched lines (their words, so numbers and paths do not count) from which two logs
are near-duplicates."""


def sketch(bags: Sequence[Sequence[str]]) -> frozenset[int]:
    """The smallest hashes of a text's lines: a set that can be compared fast.

    `bags` are its lines as features.terms. Bottom-k sketches estimate the Jaccard similarity of
    the full sets (Broder 1997).
    """
    whole = {" ".join(bag) for bag in bags if bag}
    hashes = (
        int.from_bytes(blake2b(text.encode(), digest_size=6).digest(), "big") for text in whole
    )
    return frozenset(sorted(hashes)[:_SKETCH])


def groups(projects: Sequence[str | None], sketches: Sequence[frozenset[int]]) -> list[int]:
    """A group number for each log: same project or near-duplicate means same group."""
    parent = list(range(len(projects)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[str, int] = {}
    for index, project in enumerate(projects):
        if project is not None:
            parent[root(index)] = root(first.setdefault(project, index))
    for left, right in _near(sketches):
        parent[root(left)] = root(right)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(index), len(numbers)) for index in range(len(projects))]


def _near(sketches: Sequence[frozenset[int]]) -> list[tuple[int, int]]:
    holders: dict[int, list[int]] = defaultdict(list)
    for index, found in enumerate(sketches):
        for value in sorted(found):
            holders[value].append(index)
    shared: Counter[tuple[int, int]] = Counter()
    for indexes in holders.values():
        for place, left in enumerate(indexes):
            for right in indexes[place + 1 :]:
                shared[left, right] += 1
    return [
        (left, right)
        for (left, right), count in sorted(shared.items())
        if count / len(sketches[left] | sketches[right]) >= _ALIKE
    ]


def folds(group_of: Sequence[int], labels: Sequence[str], count: int = FOLDS) -> list[int]:
    """A fold for each log, whole groups together, labels spread as evenly as that allows.

    Greedy: the largest group first, each into the fold that has least of its labels.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(group_of):
        members[group].append(index)
    total = Counter(labels)
    filled: list[Counter[str]] = [Counter() for _ in range(count)]
    result = [0] * len(labels)
    for indexes in sorted(members.values(), key=lambda found: (-len(found), found)):
        own = Counter(labels[index] for index in indexes)
        best = min(
            range(count),
            key=lambda fold: (
                sum(n * filled[fold][label] / total[label] for label, n in own.items()),
                filled[fold].total(),
                fold,
            ),
        )
        filled[best] += own
        for index in indexes:
            result[index] = best
    return result
