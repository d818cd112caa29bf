"""Scores on platforms that no model was fitted on, and against labels without corrections."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline_guard.classifier.artifact import Weights
from pipeline_guard.classifier.manifest import Entry
from pipeline_guard.rules.load import RuleSet, load_rules
from pipeline_guard.stages.diagnose.judge import Judge
from pipeline_guard.stages.trials import held_out
from pipeline_guard.stages.trials.learn import Learned, Sample, learn, read_samples

OWN_RULE = """
rules:
  - id: own-slow
    category: timeout
    patterns: {any: ['took too long']}
    tests: {match: ['it took too long']}
"""
WORDS = ["oak", "elm", "ash", "fir", "yew", "bay", "fig", "box", "may", "sloe", "pear", "plum"]
PLATFORMS = ("jenkins", "travis", "gitlab_ci")


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    path = tmp_path_factory.mktemp("rules") / "own.yaml"
    path.write_text(OWN_RULE)
    return load_rules([path], builtin=False)


def _entry(folder: Path, platform: str, word: str, slow: bool) -> Entry:
    path = folder / f"{platform}-{word}.log"
    said = f"the {word} took too long" if slow else f"strange symbol before {word} brace"
    path.write_text(f"working on {word} in {platform}\n{said}\n##[error]exit\n")
    label = "timeout" if slow else "compile_error"
    return Entry(path.name, path, label, False, platform, f"{platform}/{word}", said)


@pytest.fixture(scope="module")
def samples(rules: RuleSet, tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    folder = tmp_path_factory.mktemp("logs")
    entries = [
        # Two platforms' logs of the same words would be near-duplicates.
        _entry(folder, platform, platform[0] + word, number % 2 == 0)
        for platform in PLATFORMS
        for number, word in enumerate(WORDS if platform != "gitlab_ci" else WORDS[:4])
    ]
    return read_samples(entries, Judge(rules, None))


@pytest.fixture(scope="module")
def learned(samples: list[Sample], rules: RuleSet) -> Learned:
    return learn(samples, rules, {})


def test_no_log_of_the_platform_is_fitted_on(
    samples: list[Sample], rules: RuleSet, learned: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted: list[set[str]] = []

    def spy(others: Sequence[Sample], given: RuleSet) -> Weights:
        fitted.append({sample.entry.platform for sample in others})
        return fit(others, given)

    fit = held_out.fit
    monkeypatch.setattr(held_out, "fit", spy)
    figures: dict[str, Any] = held_out.by_platform(samples, rules, learned)
    small = "all smaller ones together"
    assert {name: one["logs"] for name, one in figures.items()} == {
        small: 4,
        "jenkins": 12,
        "travis": 12,
    }
    held = dict(zip(figures, fitted, strict=True))
    assert held[small] == {"jenkins", "travis"}
    assert held["jenkins"] == {"travis", "gitlab_ci"}


def test_one_platform_alone_is_not_held_out(
    samples: list[Sample], rules: RuleSet, learned: Learned
) -> None:
    own = [sample for sample in samples if sample.entry.platform == "jenkins"]
    assert held_out.by_platform(own, rules, learned) == {}


def test_labels_without_corrections_are_scored_on_the_same_predictions(
    samples: list[Sample], learned: Learned
) -> None:
    entries = [sample.entry for sample in samples]
    before = learned.scores["both"]
    assert held_out.as_labelled(learned, entries) == before
    wrong = [Entry(entry.key, entry.path, "disk_full") for entry in entries]
    assert held_out.as_labelled(learned, wrong)["accuracy"] == 0.0
