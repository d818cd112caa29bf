"""Scores the judgement more strictly: on platforms it never saw, and without corrected labels."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from pipeline_guard.classifier.evaluate import Judged, score
from pipeline_guard.classifier.manifest import Entry
from pipeline_guard.rules.load import RuleSet
from pipeline_guard.stages.trials.learn import Learned, Sample, fit, tune, tuned_judge

_ENOUGH: Final = 10
"""Platforms with fewer logs that score are held out together."""
_SMALL: Final = "all smaller ones together"


def by_platform(samples: Sequence[Sample], rules: RuleSet, learned: Learned) -> dict[str, Any]:
    """Figures of evaluate.score for each platform, by models fitted on no log of it.

    Projects and near-duplicates of the platform's logs are left out of training as well. The
    formula's numbers come from predictions across folds on the other platforms' logs. Platforms
    without which too little is left to learn from are not tested.
    """
    counts = Counter(sample.entry.platform for sample in samples if not sample.entry.silver)
    names = [_name(sample, counts) for sample in samples]
    figures = {}
    for name in sorted({name for name in names if name is not None}):
        own = [sample for sample, of in zip(samples, names, strict=True) if of == name]
        groups = {sample.group for sample in own}
        others = [sample for sample in samples if sample.group not in groups]
        if len({sample.entry.label for sample in others} - {"none", "unknown"}) < 2:
            continue  # nothing to learn from
        tuning = tune([item for item in learned.said if item.sample.group not in groups])
        judge = tuned_judge(rules, fit(others, rules), tuning)
        found = [Judged(sample.entry, judge.conclude(sample.reading)) for sample in own]
        figures[name] = score(found)
    return figures


def as_labelled(learned: Learned, entries: Sequence[Entry]) -> dict[str, Any]:
    """The same predictions across folds, held against the labels before any correction.

    `entries` are the manifests' own, in the order of the samples.
    """
    pairs = zip(entries, learned.judged, strict=True)
    return score([Judged(entry, judged.diagnosis) for entry, judged in pairs])


def _name(sample: Sample, counts: Counter[str]) -> str | None:
    """The platform's name; None where nothing of it scores."""
    platform = sample.entry.platform
    if not counts[platform]:
        return None
    return platform if counts[platform] >= _ENOUGH else _SMALL
