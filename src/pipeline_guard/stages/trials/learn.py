"""Trains the model on labelled logs, read exactly as the judge reads them, and scores it honestly.

Everything that is chosen (temperature, the formula's numbers, thresholds) is chosen on predictions
made across folds; what a fold is scored with was fitted on the other folds alone.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline_guard.classifier.artifact import Weights, parse
from pipeline_guard.classifier.combine import UNTRIED, combine, inputs
from pipeline_guard.classifier.evaluate import Judged, evidence_lines, names_cause, score
from pipeline_guard.classifier.features import best, line_terms, marks, terms
from pipeline_guard.classifier.fit import (
    Document,
    LabelledLine,
    artifact_bytes,
    capped,
    fit_categories,
    fit_formula,
    fit_lines,
    fit_temperature,
)
from pipeline_guard.classifier.manifest import Entry
from pipeline_guard.classifier.predict import Model
from pipeline_guard.classifier.split import FOLDS, folds, groups, wordings
from pipeline_guard.errors import ConfigError
from pipeline_guard.rules.hits import RuleHit
from pipeline_guard.rules.load import RuleSet
from pipeline_guard.rules.schema import Rule
from pipeline_guard.stages.diagnose.judge import (
    RERUN_UNTRIED,
    Judge,
    Reading,
    rerun_chance,
    rerun_share,
)

_SILVER = 0.3
"""Weight of a log whose label came from a rule."""
_WHOLE_EXCERPT = 0.5
_RULES_WEIGH = 20.0
"""A category with many rules is no likelier for it: all their lines weigh as so many logs."""
_MARGIN = 0.3
"""Log-odds that a line must exceed every line of every quiet log by, to be called a failure."""
_LEAST_CAUSE = 0.7
"""What few quiet logs without a verdict cannot bring it below: other platforms' are noisier."""
_PRIOR = 4
_CAUSES_PER_LOG = 8
_OTHERS_PER_LOG = 40
_PRECISION = 0.97
"""Wanted of calls of "transient" across folds; a little more than is promised elsewhere."""
_ENOUGH_CALLS = 10
"""A share of fewer calls says nothing."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A labelled log that was read; `group` is shared with its project and near-duplicates."""

    entry: Entry
    reading: Reading
    bags: list[tuple[str, ...]]
    """The excerpt's lines as terms."""
    looks: list[tuple[str, ...]]
    causes: list[bool]
    """Which of the lines are the manifest's evidence."""
    group: int = 0
    fold: int = 0

    @classmethod
    def of(cls, entry: Entry, reading: Reading) -> "Sample":
        """Read the excerpt once, since every fold asks about it."""
        texts = [line.text for line in reading.excerpt.lines]
        wanted = evidence_lines(entry.evidence)
        return cls(
            entry,
            reading,
            [tuple(terms([text])) for text in texts],
            [
                tuple(marks(text, distance))
                for text, distance in zip(texts, reading.distances, strict=True)
            ],
            [bool(wanted) and names_cause(text, wanted) for text in texts],
        )


@dataclass(frozen=True, slots=True)
class Learned:
    """A trained artifact and the figures for its card."""

    artifact: bytes
    scores: dict[str, Any]
    meta: dict[str, Any]
    said: list["Said"]
    """The models' words across folds, in the order of the samples."""
    judged: list[Judged]
    """What rules and model together said across folds, in the same order."""


def read_samples(
    entries: Sequence[Entry], judge: Judge, tell: Callable[[int], None] = lambda done: None
) -> list[Sample]:
    """Read every log once; `tell` hears how many are done. Raises LogError on an unreadable one."""
    found: list[Sample] = []
    for entry in entries:
        found.append(Sample.of(entry, judge.read(entry.path)))
        tell(len(found))
    texts = [wordings(sample.bags) for sample in found]
    numbers = groups([entry.project for entry in entries], texts)
    places = folds(numbers, [entry.label for entry in entries])
    return [
        replace(sample, group=group, fold=fold)
        for sample, group, fold in zip(found, numbers, places, strict=True)
    ]


def learn(samples: Sequence[Sample], rules: RuleSet, about: Mapping[str, Any]) -> Learned:
    """Fit on everything, score across folds; ConfigError when there is too little.

    `about` goes into the artifact's meta.
    """
    for fold in range(FOLDS):
        rest = {sample.entry.label for sample in samples if sample.fold != fold}
        if len(rest - {"none", "unknown"}) < 2:
            raise ConfigError(
                "The logs come from too few unrelated projects: with one fold held out, fewer"
                " than two categories are left to learn."
            )
    parts = [
        fit([sample for sample in samples if sample.fold != fold], rules) for fold in range(FOLDS)
    ]
    said = [_say(sample, Model.of(parts[sample.fold])) for sample in samples]
    tuned = [tune([item for item in said if item.sample.fold != fold]) for fold in range(FOLDS)]
    judged = _judged(samples, rules, parts, tuned)
    scores = {name: score(found) for name, found in judged.items()}
    meta = {**about, **tune(said), "logs": len(samples), "groups": len({s.group for s in samples})}
    return Learned(_artifact(samples, rules, meta), scores, meta, said, judged["both"])


@dataclass(frozen=True, slots=True)
class Said:
    """What a model that never saw the log's group says about it."""

    sample: Sample
    chances: dict[str, float]
    cause: float


def _say(sample: Sample, model: Model) -> Said:
    opinion = model.judge_bags(sample.bags, sample.looks)
    return Said(sample, opinion.chances, max(opinion.causes, default=-math.inf))


def fit(samples: Sequence[Sample], rules: RuleSet) -> Weights:
    """Fit both models on these logs, with nothing tuned yet."""
    return parse(_artifact(samples, rules, {"temperature": 1.0, "settings": {}, "combine": {}}))


def _artifact(samples: Sequence[Sample], rules: RuleSet, meta: Mapping[str, Any]) -> bytes:
    line_table = fit_lines([*_lines_of(samples), *_lines_of_rules(rules)])
    draft = artifact_bytes(line_table, line_table, ["any"], meta)
    reader = Model.of(parse(draft))
    of_rules = capped(list(_documents_of_rules(rules)), _RULES_WEIGH)
    documents = [*_documents(samples, reader), *of_rules]
    classes, table = fit_categories(documents)
    return artifact_bytes(line_table, table, classes, meta)


def _lines_of(samples: Iterable[Sample]) -> Iterable[LabelledLine]:
    for sample in samples:
        wanted = evidence_lines(sample.entry.evidence)
        if not wanted and sample.entry.label != "none":
            continue
        bags = [
            (*bag, *look) if bag else ()
            for bag, look in zip(sample.bags, sample.looks, strict=True)
        ]
        causes = [bag for bag, cause in zip(bags, sample.causes, strict=True) if bag and cause]
        causes = causes or [tuple(line_terms(text)) for text in wanted]
        for bag in causes[:_CAUSES_PER_LOG]:
            yield LabelledLine(bag, True, sample.group)
        others = [bag for bag, cause in zip(bags, sample.causes, strict=True) if bag and not cause]
        step = max(1, len(others) // _OTHERS_PER_LOG)
        for bag in others[::step][:_OTHERS_PER_LOG]:
            yield LabelledLine(bag, False, sample.group)


def _lines_of_rules(rules: RuleSet) -> Iterable[LabelledLine]:
    """Every built-in rule brings lines that must hit: causes of all ecosystems, in few words."""
    for number, rule in enumerate(rules.rules, 1):
        if rule.strength != "consequence":
            for text in rule.tests.match:
                yield LabelledLine(tuple(line_terms(text)), True, -number)


def _documents(samples: Iterable[Sample], reader: Model) -> Iterable[Document]:
    for sample in samples:
        label = sample.entry.label
        if label in ("none", "unknown"):
            continue
        weight = _SILVER if sample.entry.silver else 1.0
        causes = reader.judge_bags(sample.bags, sample.looks).causes
        chosen = _joined(sample.bags[index] for index in best(sample.bags, causes))
        yield Document(chosen, label, sample.group, weight)
        yield Document(_joined(sample.bags), label, sample.group, weight * _WHOLE_EXCERPT)
        wanted = evidence_lines(sample.entry.evidence)
        if wanted:
            yield Document(tuple(terms(wanted)), label, sample.group, weight)


def _joined(bags: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(term for bag in bags for term in bag)


def _documents_of_rules(rules: RuleSet) -> Iterable[Document]:
    for number, rule in enumerate(rules.rules, 1):
        if rule.category not in ("none", "unknown") and rule.strength != "consequence":
            for text in rule.tests.match:
                yield Document(tuple(terms([text])), rule.category, -number)


def tune(said: Sequence[Said]) -> dict[str, Any]:
    """Temperature, the formula's numbers and the thresholds, from predictions across folds."""
    red = [item for item in said if item.sample.entry.label not in ("none", "unknown")]
    labels = [item.sample.entry.label for item in red]
    temperature = fit_temperature([item.chances for item in red], labels)
    read = [item.sample for item in red if not item.sample.entry.silver]
    trust = _trust(read, lambda sample, rule: rule.category == sample.entry.label, UNTRIED)
    rerun_trust = _rerun_trust(read)
    rows = [
        inputs(
            item.sample.reading.votes(trust),
            _sharpened(item.chances, temperature),
            (item.sample.reading.first, item.sample.reading.last),
        )
        for item in red
    ]
    weights = [0.0 if item.sample.entry.silver else 1.0 for item in red]
    parameters = fit_formula(rows, labels, weights)
    answers = [
        _Answer.of(item, temperature, parameters, trust, rerun_trust)
        for item in red
        if not item.sample.entry.silver
    ]
    return {
        "temperature": temperature,
        "combine": parameters,
        "trust": trust,
        "rerun_trust": rerun_trust,
        "settings": {
            "unknown_below": _unknown_below(answers),
            "transient_above": _transient_above(answers),
            "cause_above": _cause_above(said),
        },
    }


def _trust(
    samples: Sequence[Sample], right: Callable[[Sample, Rule], bool], prior: float
) -> dict[str, float]:
    """Each rule's share of right calls; a group of related logs counts once.

    The Beta prior is worth four calls, so a single wrong one does not silence a rule.
    """
    calls: dict[str, dict[int, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for sample in samples:
        for rule in {hit.rule.id: hit.rule for hit in sample.reading.hits}.values():
            calls[rule.id][sample.group].append(right(sample, rule))
    return {
        name: round(
            (_PRIOR * prior + sum(sum(own) / len(own) for own in by_group.values()))
            / (_PRIOR + len(by_group)),
            3,
        )
        for name, by_group in sorted(calls.items())
    }


def _rerun_trust(samples: Sequence[Sample]) -> dict[str, float]:
    """Each rule's share of passing re-runs where it names the right category.

    Whether the category is right is the confidence's part of the chance, not counted twice.
    """
    hit = [
        replace(sample, reading=replace(sample.reading, hits=_transient_hits(sample)))
        for sample in samples
    ]
    return _trust(hit, lambda sample, _: sample.entry.would_pass, RERUN_UNTRIED)


def _transient_hits(sample: Sample) -> tuple[RuleHit, ...]:
    """Hits that would have the log re-run, of the category that is its label."""
    return tuple(
        hit
        for hit in sample.reading.hits
        if rerun_share(hit.rule.category, hit, {}) > 0.0 and hit.rule.category == sample.entry.label
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """The formula's first choice for a log, and whether it is right."""

    confidence: float
    right: bool
    rerun: float
    would_pass: bool

    @classmethod
    def of(
        cls,
        item: Said,
        temperature: float,
        parameters: Mapping[str, float],
        trust: Mapping[str, float],
        rerun_trust: Mapping[str, float],
    ) -> "_Answer":
        reading, chances = item.sample.reading, _sharpened(item.chances, temperature)
        ends = (reading.first, reading.last)
        found = combine(reading.votes(trust), chances, ends, parameters)
        category, confidence = max(found.items(), key=lambda pair: (pair[1], pair[0]))
        return cls(
            confidence,
            category == item.sample.entry.label,
            rerun_chance(reading, category, found, rerun_trust),
            item.sample.entry.would_pass,
        )


def _sharpened(chances: Mapping[str, float], temperature: float) -> dict[str, float]:
    """The same chances at another temperature."""
    powers = {name: chance ** (1.0 / temperature) for name, chance in chances.items()}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}


def _unknown_below(answers: Sequence[_Answer]) -> float:
    """The highest threshold (up to 0.4) under which hardly one answer in five is right."""
    best = 0.15
    for step in range(4, 21):
        threshold = step * 0.02
        under = [answer for answer in answers if answer.confidence < threshold]
        if len(under) >= 5 and sum(answer.right for answer in under) < 0.2 * len(under):
            best = threshold
    return round(best, 2)


def _transient_above(answers: Sequence[_Answer]) -> float:
    """The lowest chance from which calls of "transient" are precise enough, or the most precise."""
    shares: dict[float, float] = {}
    for step in range(25, 46):
        threshold = round(step * 0.02, 2)
        calls = [a for a in answers if a.rerun >= threshold]
        if len(calls) >= _ENOUGH_CALLS:
            shares[threshold] = sum(a.would_pass for a in calls) / len(calls)
            if shares[threshold] >= _PRECISION:
                return threshold
    return max(shares, key=lambda threshold: shares[threshold], default=0.7)


def _cause_above(said: Sequence[Said]) -> float:
    """Well above the most suspicious line of any log without failure."""
    quiet = [
        item.cause
        for item in said
        if item.sample.entry.label == "none"
        and item.sample.reading.verdict == "open"
        and not item.sample.reading.trouble
        and math.isfinite(item.cause)
    ]
    return round(max([_LEAST_CAUSE, *quiet]) + _MARGIN, 3)


def _judged(
    samples: Sequence[Sample],
    rules: RuleSet,
    parts: Sequence[Weights],
    tuned: Sequence[Mapping[str, Any]],
) -> dict[str, list[Judged]]:
    """What rules alone, the model alone, and both say, on the same folds."""
    judges = [
        tuned_judge(rules, weights, tuning) for weights, tuning in zip(parts, tuned, strict=True)
    ]
    alone = Judge(rules, None)
    ways: dict[str, Callable[[Sample], Judged]] = {
        "rules": lambda s: Judged(s.entry, alone.conclude(s.reading)),
        "model": lambda s: Judged(s.entry, judges[s.fold].conclude(replace(s.reading, hits=()))),
        "both": lambda s: Judged(s.entry, judges[s.fold].conclude(s.reading)),
    }
    return {name: [way(sample) for sample in samples] for name, way in ways.items()}


def tuned_judge(rules: RuleSet, weights: Weights, tuning: Mapping[str, Any]) -> Judge:
    """A judge of the rules, these weights and what `tune` chose for them."""
    return Judge(rules, Model.of(replace(weights, meta={**weights.meta, **tuning})))
