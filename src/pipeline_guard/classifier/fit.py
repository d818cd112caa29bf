"""Fits the two linear models, the temperature and the formula; the only user of scikit-learn."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline_guard.classifier.artifact import dump
from pipeline_guard.classifier.combine import BY_HAND, PARAMETERS

_MIN_GROUPS = 3
"""A term must be met in so many unrelated groups of logs, so no project's own words remain."""
_STRENGTH = 10.0
_LINE_STRENGTH = 3.0
"""Inverse regularisation (scikit-learn's C) of the category and the line model."""
_BALANCE = 0.7
"""Classes weigh by (mean size / size) to this power: 1 would make two logs speak for a class."""
_DIGITS = 4
"""Stored digits; fewer than the noise between two machines' linear algebra."""
_PULL = 0.02
"""How strongly the formula's numbers are pulled to those set by hand."""


@dataclass(frozen=True, slots=True)
class Document:
    """Terms that speak for a category, from one group of related logs."""

    bag: tuple[str, ...]
    label: str
    group: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class LabelledLine:
    """A line's terms and looks, and whether it names the cause of its log's failure."""

    bag: tuple[str, ...]
    cause: bool
    group: int
    weight: float = 1.0


def capped(documents: Sequence[Document], most: float) -> list[Document]:
    """The documents of a label weigh no more than this together."""
    size: dict[str, float] = defaultdict(float)
    for document in documents:
        size[document.label] += document.weight
    return [
        replace(document, weight=document.weight * min(1.0, most / size[document.label]))
        for document in documents
    ]


def fit_categories(documents: Sequence[Document]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The classes and the category model's table (see artifact.dump)."""
    bags = [document.bag for document in documents]
    labels = [document.label for document in documents]
    groups = [document.group for document in documents]
    weights = _weights([document.weight for document in documents], groups, labels, _BALANCE)
    return _fit(bags, labels, groups, weights, _STRENGTH)


def fit_lines(lines: Sequence[LabelledLine]) -> dict[str, Any]:
    """The line model's table; its one column is the log-odds of being the cause."""
    bags = [line.bag for line in lines]
    labels = ["yes" if line.cause else "no" for line in lines]
    groups = [line.group for line in lines]
    weights = _weights([line.weight for line in lines], groups, labels, 0.5)
    return _fit(bags, labels, groups, weights, _LINE_STRENGTH)[1]


def _fit(
    bags: Sequence[Sequence[str]],
    labels: Sequence[str],
    groups: Sequence[int],
    weights: Sequence[float],
    strength: float,
) -> tuple[tuple[str, ...], dict[str, Any]]:
    import numpy as np  # noqa: PLC0415 (only training pays for these)
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    known = vocabulary(bags, groups)
    # The bags are tokens already, so every step of the vectoriser but counting is the identity.
    vectoriser = TfidfVectorizer(analyzer=list, vocabulary=known, sublinear_tf=True)
    matrix = vectoriser.fit_transform(bags)
    model = LogisticRegression(C=strength, max_iter=1000, tol=1e-5)
    model.fit(matrix, labels, sample_weight=weights)
    columns, bias = model.coef_.T, model.intercept_
    if len(model.classes_) == 2 and labels[0] not in ("yes", "no"):
        # scikit-learn keeps one column for two classes; a softmax over (0, score) is the same.
        columns, bias = np.hstack([0 * columns, columns]), np.array([0.0, bias[0]])
    table = {
        "terms": known,
        "idf": np.round(vectoriser.idf_, _DIGITS),
        "weights": np.round(columns, _DIGITS),
        "bias": np.round(bias, _DIGITS),
    }
    return tuple(str(name) for name in model.classes_), table


def vocabulary(bags: Sequence[Sequence[str]], groups: Sequence[int]) -> list[str]:
    """Terms met in at least three groups, sorted."""
    met: dict[str, set[int]] = defaultdict(set)
    for bag, group in zip(bags, groups, strict=True):
        for term in set(bag):
            met[term].add(group)
    enough = min(_MIN_GROUPS, len(set(groups)))
    return sorted(term for term, where in met.items() if len(where) >= enough)


def _weights(
    given: Sequence[float], groups: Sequence[int], labels: Sequence[str], balance: float
) -> list[float]:
    """Ten like logs of a project count as about three; rare classes count more."""
    alike = Counter(zip(groups, labels, strict=True))
    damped = [
        weight / math.sqrt(alike[group, label])
        for weight, group, label in zip(given, groups, labels, strict=True)
    ]
    size: dict[str, float] = defaultdict(float)
    for weight, label in zip(damped, labels, strict=True):
        size[label] += weight
    mean = sum(size.values()) / len(size)
    return [
        weight * (mean / size[label]) ** balance
        for weight, label in zip(damped, labels, strict=True)
    ]


def fit_temperature(chances: Sequence[Mapping[str, float]], labels: Sequence[str]) -> float:
    """The temperature under which chances made across folds are most likely (Guo et al. 2017)."""
    rows = [
        ({name: math.log(max(chance, 1e-9)) for name, chance in row.items()}, label)
        for row, label in zip(chances, labels, strict=True)
        if label in row
    ]
    if not rows:
        return 1.0

    def loss(temperature: float) -> float:
        total = 0.0
        for logs, label in rows:
            scaled = [value / temperature for value in logs.values()]
            top = max(scaled)
            norm = top + math.log(sum(math.exp(value - top) for value in scaled))
            total += norm - logs[label] / temperature
        return total / len(rows)

    return min((round(0.3 + 0.05 * step, 2) for step in range(55)), key=loss)


def fit_formula(
    rows: Sequence[Mapping[str, Sequence[float]]], labels: Sequence[str], weights: Sequence[float]
) -> dict[str, float]:
    """The numbers of combine.py's formula, by maximum likelihood with a pull to those by hand.

    `rows` are combine.inputs of each log. A conditional logit: the same ten numbers serve all
    categories, so a rare one profits from what the frequent ones taught.
    """
    import numpy as np  # noqa: PLC0415
    from scipy.optimize import minimize  # noqa: PLC0415

    cases = [
        (np.array(list(row.values())), list(row).index(label), weight)
        for row, label, weight in zip(rows, labels, weights, strict=True)
        if label in row
    ]
    start = np.array([BY_HAND[name] for name in PARAMETERS])
    if not cases:
        return dict(BY_HAND)
    total = sum(weight for _, _, weight in cases)

    def loss(factors: Any) -> tuple[float, Any]:
        value, slope = 0.0, np.zeros_like(start)
        for matrix, right, weight in cases:
            scores = matrix @ factors
            powers = np.exp(scores - scores.max())
            chances = powers / powers.sum()
            value -= weight * math.log(max(float(chances[right]), 1e-12))
            slope += weight * (chances @ matrix - matrix[right])
        gap = factors - start
        return value / total + _PULL * float(gap @ gap), slope / total + 2 * _PULL * gap

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(start))
    return {name: round(float(x), 3) for name, x in zip(PARAMETERS, found.x, strict=True)}


def artifact_bytes(
    line_table: Mapping[str, Any],
    category_table: Mapping[str, Any],
    classes: Sequence[str],
    meta: Mapping[str, Any],
) -> bytes:
    """The file's bytes for fitted tables."""
    tables = {"lines": line_table, "categories": category_table}
    return dump(tables, {**meta, "classes": list(classes)})
