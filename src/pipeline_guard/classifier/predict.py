"""Asks the trained model two things with nothing but the stored numbers: which line, which cause.

One linear model scores single lines: does this line name the cause? Another names the category
from the lines that score best. The arithmetic is scikit-learn's: sublinear term counts times idf,
scaled to length one, a linear score, a softmax sharpened by the temperature that calibration
chose; a test holds it to scikit-learn's own `predict_proba`. It is plain Python because an excerpt
has a few hundred lines, which takes milliseconds, while importing NumPy alone takes longer than
the whole rest of `classify`.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline_guard.classifier.artifact import Table, Weights, default_folder, fingerprint, load
from pipeline_guard.classifier.features import best, marks, terms


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the model thinks of an excerpt.

    `causes` holds for each line the log-odds that it names the cause; `chances` the calibrated
    chance of each category, adding up to one.
    """

    causes: list[float]
    chances: dict[str, float]


class Model:
    """A trained model; the file is read at the first question, not before."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or default_folder()
        self._weights: Weights | None = None

    @classmethod
    def of(cls, weights: Weights) -> "Model":
        """A model from numbers in memory."""
        model = cls(Path())
        model._weights = weights
        return model

    @property
    def weights(self) -> Weights:
        """The stored numbers; ConfigError when the artifact is missing or damaged."""
        if self._weights is None:
            self._weights = load(self._folder)
        return self._weights

    @property
    def version(self) -> str:
        """Which model it is: the start of its file's SHA-256, or "none" where there is no file."""
        return fingerprint(self._folder)

    @property
    def settings(self) -> Mapping[str, float]:
        """Thresholds that training chose: `unknown_below`, `transient_above`, `cause_above`."""
        settings: Mapping[str, float] = self.weights.meta["settings"]
        return settings

    @property
    def parameters(self) -> Mapping[str, float]:
        """The fitted numbers of the formula in combine.py."""
        parameters: Mapping[str, float] = self.weights.meta["combine"]
        return parameters

    @property
    def trained_on(self) -> frozenset[str]:
        """SHA-256 of the manifests it was trained on."""
        return frozenset(self.weights.meta.get("manifests", {}).values())

    @property
    def trust(self) -> Mapping[str, float]:
        """Each rule's share of right calls in training, for rules that were met there."""
        trust: Mapping[str, float] = self.weights.meta.get("trust", {})
        return trust

    @property
    def rerun_trust(self) -> Mapping[str, float]:
        """For rules met in training: the share of their failures that a re-run would pass."""
        trust: Mapping[str, float] = self.weights.meta.get("rerun_trust", {})
        return trust

    def judge(self, lines: Sequence[str], distances: Sequence[int]) -> Opinion:
        """Ask about the cleaned, redacted lines of an excerpt and their distances to the stop."""
        looks = [marks(line, distance) for line, distance in zip(lines, distances, strict=True)]
        return self.judge_bags([terms([line]) for line in lines], looks)

    def judge_bags(self, bags: Sequence[Sequence[str]], looks: Sequence[Sequence[str]]) -> Opinion:
        """The same for lines whose terms and looks (see features.py) are known already."""
        weights = self.weights
        causes = [
            _scores(weights.lines, [*bag, *look])[0] for bag, look in zip(bags, looks, strict=True)
        ]
        read = [term for index in best(bags, causes) for term in bags[index]]
        chances = _softmax(_scores(weights.categories, read), weights.meta["temperature"])
        return Opinion(causes, dict(zip(weights.classes, chances, strict=True)))


def _scores(table: Table, found: Sequence[str]) -> list[float]:
    """One linear score a column for a bag of terms; terms the table does not know count nothing."""
    width = len(table.bias)
    pairs: list[tuple[int, float]] = []
    for term, times in Counter(found).items():
        row = table.rows.get(term)
        if row is not None:
            pairs.append((row * width, (1.0 + math.log(times)) * table.idf[row]))
    length = math.sqrt(sum(value * value for _, value in pairs)) or 1.0
    scores = list(table.bias)
    for start, value in pairs:
        share = value / length
        for column in range(width):
            scores[column] += share * table.weights[start + column]
    return scores


def _softmax(scores: Sequence[float], temperature: float) -> list[float]:
    top = max(scores)
    powers = [math.exp((score - top) / temperature) for score in scores]
    total = sum(powers)
    return [power / total for power in powers]
