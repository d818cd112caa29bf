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
from pathlib import Path

from pipeline_guard.classifier.artifact import Table, Weights, default_folder, load
from pipeline_guard.classifier.features import line_terms, select, terms


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
    def settings(self) -> Mapping[str, float]:
        """Thresholds that training chose: `unknown_below`, `transient_above`, `cause_above`."""
        settings: Mapping[str, float] = self.weights.meta["settings"]
        return settings

    @property
    def parameters(self) -> Mapping[str, float]:
        """The fitted numbers of the formula in combine.py."""
        parameters: Mapping[str, float] = self.weights.meta["combine"]
        return parameters

    def causes(self, lines: Sequence[str]) -> list[float]:
        """For each cleaned line the log-odds that it names the cause."""
        table = self.weights.lines
        return [_scores(table, line_terms(line))[0] for line in lines]

    def probabilities(
        self, lines: Sequence[str], causes: Sequence[float] | None = None
    ) -> dict[str, float]:
        """Calibrated chance of each category; they add up to one.

        `causes` are the lines' scores, if they are known already.
        """
        weights = self.weights
        chosen = select(lines, self.causes(lines) if causes is None else causes)
        scores = _scores(weights.categories, terms(chosen))
        chances = _softmax(scores, weights.meta["temperature"])
        return dict(zip(weights.classes, chances, strict=True))


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
