"""Splits labelled logs into folds that share no project and no near-duplicate."""

from collections import Counter, defaultdict
from collections.abc import Sequence

FOLDS = 5
_ALIKE = 0.5
"""Share of both texts' lines (their words, so numbers and paths do not count) from which two logs
are near-duplicates."""


def wordings(bags: Sequence[Sequence[str]]) -> frozenset[str]:
    """What a text's lines say, each once; `bags` are its lines as features.terms."""
    return frozenset(" ".join(bag) for bag in bags if bag)


def groups(projects: Sequence[str | None], texts: Sequence[frozenset[str]]) -> list[int]:
    """A group number for each log: same project or near-duplicate means same group.

    `texts` are their wordings.
    """
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
    for left, right in _near(texts):
        parent[root(left)] = root(right)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(index), len(numbers)) for index in range(len(projects))]


def _near(texts: Sequence[frozenset[str]]) -> list[tuple[int, int]]:
    holders: dict[str, list[int]] = defaultdict(list)
    for index, found in enumerate(texts):
        for wording in found:
            holders[wording].append(index)
    shared: Counter[tuple[int, int]] = Counter()
    for indexes in holders.values():
        for place, left in enumerate(indexes):
            for right in indexes[place + 1 :]:
                shared[left, right] += 1
    return [
        (left, right)
        for (left, right), count in sorted(shared.items())
        if count / len(texts[left] | texts[right]) >= _ALIKE
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
