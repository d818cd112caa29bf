"""Right about the cause? Rules alone, the model alone, and both, on the same five folds.

python -m bench.judge MANIFEST [MANIFEST...]

Projects and near-duplicates never stand on both sides of a fold; silver labels never score. Also
with each platform held out whole, against the labels as they came (without the overlay), and the
time from an excerpt to its category, warm.
"""

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from pipeline_guard.classifier.artifact import default_folder
from pipeline_guard.classifier.manifest import read_manifests, read_overlay
from pipeline_guard.classifier.predict import Model
from pipeline_guard.rules.load import load_rules
from pipeline_guard.stages.diagnose.judge import Judge
from pipeline_guard.stages.trials.held_out import as_labelled, by_platform
from pipeline_guard.stages.trials.learn import Sample, learn, read_samples

TARGETS = {"macro-F1": "0.75 / 0.88", "transient": "0.95 / 0.70", "evidence@3": "0.80 / 0.95"}


def excerpt_to_category(samples: list[Sample]) -> float:
    """Median milliseconds of one conclusion, the log being read already."""
    judge = Judge(load_rules(), Model())
    judge.conclude(samples[0].reading)
    times = []
    for sample in samples:
        started = time.perf_counter()
        judge.conclude(sample.reading)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def tell(name: str, figures: dict[str, Any]) -> None:
    """Print one line of figures."""
    transient, none = figures["transient"], figures["none"]
    print(
        f"{name:<36} logs {figures['logs']:>3}"
        f"  macro-F1 {figures['macro_f1']:.3f}  accuracy {figures['accuracy']:.3f}"
        f"  transient P {transient['precision']:.3f} ({transient['said']})"
        f" R {transient['recall']:.3f} ({transient['wanted']})"
        f"  evidence@3 {figures['evidence_at_3']['share']:.3f}"
        f"  none called a failure {none['called_failure']}/{none['logs']}"
        f"  failures called none {none['failures_called_none']}",
        flush=True,
    )


def main(manifests: list[Path]) -> None:
    rules = load_rules()
    entries = read_manifests(manifests, read_overlay(default_folder()))
    samples = read_samples(entries, Judge(rules, None))
    print(f"excerpt to category, warm, median: {excerpt_to_category(samples):.1f} ms (15 / 5)")
    learned = learn(samples, rules, {})
    print(f"targets, at least / aim: {json.dumps(TARGETS)}; none called a failure: 2 % / 0")
    for name, figures in learned.scores.items():
        tell(name, figures)
    tell("both, labels uncorrected", as_labelled(learned, read_manifests(manifests)))
    for name, figures in by_platform(samples, rules, learned).items():
        tell(f"held out: {name}", figures)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main([Path(name) for name in sys.argv[1:]])
