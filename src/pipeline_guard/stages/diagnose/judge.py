"""Judges one log: the only place where rules, model, excerpt, redaction and fingerprint meet.

Pure but for reading the log itself. The line of thought:

1. While the log streams by, secrets are learned, rules scan it, suspicious lines are noted, and
   the excerpt around all of these is cut out.
2. Is there a failure at all? The platform's word comes first, then the log's own verdict, then a
   tool's closing count of nothing but success, then rule hits and troubled tools; failing all
   that, how much the most suspicious line looks like a cause. Otherwise the category is `none`.
3. Rules and model are combined by the formula in classifier/combine.py. Below the threshold that
   training chose, the answer is an honest `unknown`.
4. Evidence: lines ranked by rule strength and by the model's idea of what a cause looks like.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from pipeline_guard.classifier.combine import BY_HAND, UNTRIED, Vote, combine, nearness
from pipeline_guard.classifier.features import words
from pipeline_guard.classifier.predict import Model, Opinion
from pipeline_guard.classifier.signals import Signals, Verdict
from pipeline_guard.domain.diagnosis import (
    TRANSIENT_BY_NATURE,
    Candidate,
    Category,
    Diagnosis,
    EvidenceLine,
    Source,
)
from pipeline_guard.logs.diffs import NOTHING_PRINTED, Printed, PrintedDiffs
from pipeline_guard.logs.excerpt import Excerpt, ExcerptBuilder
from pipeline_guard.logs.fingerprint import fingerprint
from pipeline_guard.logs.read import Chunk, ReadReport, read_chunks
from pipeline_guard.logs.redact import Redactor
from pipeline_guard.logs.testnames import TestNames
from pipeline_guard.rules.hits import RuleHit, around, masked_captures
from pipeline_guard.rules.load import RuleSet
from pipeline_guard.rules.match import Scanner, rank
from pipeline_guard.rules.ranking import transient
from pipeline_guard.stages.diagnose.evidence import TELLING, choose
from pipeline_guard.stages.diagnose.survived import (
    all_passed,
    ended_well,
    got_over,
    mentions_failure,
    weakened,
)

WITHOUT_MODEL: Mapping[str, float] = {
    "unknown_below": 0.35,
    "transient_above": 0.5,
    "cause_above": 0.0,
}
"""Thresholds where no model is there to bring fitted ones."""
RERUN_UNTRIED = 0.9
"""Share of re-runs believed to pass for a rule that calls itself transient, untried as yet."""
WENT_ON = 0.6
"""Nearness (about a hundred lines) below which a transient trouble is doubted."""
RERUN_GUESSED = 0.5
"""The same where only the model names a category that is transient by nature: measured across
folds, two of three such guesses are wrong, so none of them alone starts a re-run."""
_CHANGED = re.compile(r"^\+\+\+ (\S+)", re.MULTILINE)
GOT_OVER = 0.4
"""The same where all that speaks for it was tried again or let go."""
_NAMELESS = frozenset({"unknown", "none"})
"""Rules of these categories tell that something failed, not what."""
_ENDINGS = frozenset(
    {"crash", "timeout", "out_of_memory", "disk_full", "cancelled", "infra_runner"}
)
"""What ends a program, so that it cannot count it."""
_CANDIDATES = 5
_SILENT = Opinion([], {})
_SURE_NONE = 0.97
"""A job that says that it passed is believed; platforms are seldom wrong about themselves."""
_MAYBE_NONE = 0.8


@dataclass(frozen=True, slots=True)
class Reading:
    """What one pass over a log leaves: everything a judgement is made of."""

    report: ReadReport
    hits: tuple[RuleHit, ...]
    """Most telling first."""
    excerpt: Excerpt
    verdict: Verdict
    trouble: bool
    distances: tuple[int, ...]
    """Lines from each of the excerpt's lines to where the job stopped."""
    stopped_at: int
    failed_tests: tuple[str, ...]
    redactor: Redactor
    printed: Printed = NOTHING_PRINTED

    def votes(self, trust: Mapping[str, float]) -> list[Vote]:
        """The rules' words for the formula; `trust` is each rule's share of right calls."""
        return [
            Vote(
                hit.rule.category,
                hit.rule.strength,
                nearness(hit.order, self.stopped_at),
                trust.get(hit.rule.id, UNTRIED),
                hit.order,
            )
            for hit in self.hits
            if hit.rule.category not in _NAMELESS
        ]

    def best(self, category: str) -> RuleHit | None:
        """The most telling hit that names `category`."""
        return next((hit for hit in self.hits if hit.rule.category == category), None)

    def near(self, category: str) -> float:
        """How near to the stop the last of the most telling hits for `category` is.

        1 where no hit names it. Hits that tell less do not bring it nearer: a test's own broken
        connection at the end says nothing of a download that failed at the start.
        """
        own = [hit for hit in self.hits if hit.rule.category == category]
        best = [hit.order for hit in own if hit.rule.strength == own[0].rule.strength]
        return max((nearness(order, self.stopped_at) for order in best), default=1.0)

    @property
    def last(self) -> str | None:
        """The category of the last hit, up to where the job stopped, that is more than a closing
        word."""
        telling = [
            hit
            for hit in self.hits
            if hit.rule.category not in _NAMELESS
            and hit.rule.strength != "consequence"
            and hit.order <= self.stopped_at
        ]
        return max(telling, key=lambda hit: hit.order).rule.category if telling else None

    @property
    def first(self) -> str | None:
        """The category of the most telling hit that names one."""
        named = (hit.rule.category for hit in self.hits if hit.rule.category not in _NAMELESS)
        return next(named, None)


class Judge:
    """Judges logs with one set of rules and, where there is one, the trained model."""

    def __init__(self, rules: RuleSet, model: Model | None) -> None:
        self._rules = rules
        self._model = model

    def judge(
        self,
        source: Path | BinaryIO,
        *,
        platform: str | None = None,
        failed: bool | None = None,
        extra_lines: Sequence[str] = (),
    ) -> Diagnosis:
        """Give the diagnosis of one log; raises LogError when it cannot be read.

        `failed` is what the platform itself says about the job; `extra_lines` are its remarks
        about it, read as if they followed the log.
        """
        reading = self.read(source, platform=platform, extra_lines=extra_lines)
        return self.conclude(reading, failed=failed)

    def read(
        self,
        source: Path | BinaryIO,
        *,
        platform: str | None = None,
        extra_lines: Sequence[str] = (),
    ) -> Reading:
        """Pass over a log once; raises LogError when it cannot be read."""
        report, redactor = ReadReport(), Redactor()
        scanner, signals = Scanner(self._rules, platform=platform), Signals()
        excerpt, tests, diffs = ExcerptBuilder(), TestNames(), PrintedDiffs()

        def take(chunk: Chunk) -> None:
            redactor.observe(chunk.data)
            signals.feed(chunk)
            excerpt.feed(chunk, sorted({hit.line for hit in scanner.feed(chunk)}))
            tests.feed(chunk)
            diffs.feed(chunk)

        for chunk in read_chunks(source, report):
            take(chunk)
        if extra_lines:
            remarks = "".join(line.replace("\n", " ") + "\n" for line in extra_lines)
            take(Chunk(remarks.encode("utf-8", "replace"), report.lines + 1))
        cut = excerpt.build(redactor)
        return Reading(
            report,
            tuple(rank(weakened(scanner.finish(), cut.lines))),
            cut,
            signals.verdict(),
            signals.trouble,
            tuple(
                signals.stopped_at - signals.bases.get(line.part, 0) - line.line
                for line in cut.lines
            ),
            signals.stopped_at,
            tuple(redactor.redact(name) for name in tests.names()),
            redactor,
            diffs.found(redactor),
        )

    def conclude(self, reading: Reading, *, failed: bool | None = None) -> Diagnosis:
        """Give the diagnosis of a log that was read."""
        lines = reading.excerpt.lines
        opinion = self._ask(reading)
        causes = opinion.causes
        if not self._has_failed(reading, failed, causes):
            return _no_failure(reading, sure=failed is False or reading.verdict == "passed")
        parameters = self._model.parameters if self._model else BY_HAND
        trust = self._model.trust if self._model else {}
        ends = (reading.first, reading.last)
        confidences = combine(reading.votes(trust), opinion.chances, ends, parameters)
        ranked = sorted(confidences.items(), key=lambda item: (-item[1], item[0]))
        top, confidence = ranked[0] if ranked else ("unknown", 0.0)
        settings = self._settings
        known = confidence >= settings["unknown_below"]
        category: Category = cast("Category", top) if known else "unknown"
        hit = reading.best(category)
        rerun_trust = self._model.rerun_trust if self._model else {}
        chance = rerun_chance(reading, top, confidences, rerun_trust) if known else 0.0
        captures = masked_captures(hit, reading.redactor.redact) if hit else {}
        evidence = choose(
            reading.hits, lines, causes, category, reading.redactor, reading.stopped_at
        )
        return Diagnosis(
            category=category,
            confidence=round(confidence if known else 1.0 - confidence, 4),
            source=_source(category, hit),
            transient=chance >= self._transient_above(hit),
            rule=hit.rule.id if hit else None,
            rule_version=hit.rule.version if hit else None,
            evidence=evidence,
            fingerprint=_fingerprint(
                category, hit, captures, _naming(category, hit, evidence, reading)
            ),
            failed_tests=reading.failed_tests,
            candidates=_candidates(ranked),
            advice=hit.rule.told(captures) if hit else None,
            link=hit.rule.link if hit else None,
            excerpt=reading.excerpt.text,
            notes=(*reading.report.notes, *reading.printed.notes),
            bytes=reading.report.bytes,
            lines=reading.report.lines,
            redactions=reading.redactor.count,
            diff=reading.printed.diff,
            fix=hit.rule.edits(captures) if hit else (),
        )

    def _transient_above(self, hit: RuleHit | None) -> float:
        """What a re-run's chance must reach; training knows no rule of the user's own."""
        if hit is not None and hit.rule.transient and self._rules.is_own(hit.rule.id):
            return WITHOUT_MODEL["transient_above"]
        return self._settings["transient_above"]

    @property
    def _settings(self) -> Mapping[str, float]:
        return self._model.settings if self._model else WITHOUT_MODEL

    def _ask(self, reading: Reading) -> Opinion:
        texts = [line.text for line in reading.excerpt.lines]
        # It was trained on logs: of one without words, or of a platform's remarks where there is
        # none, it knows nothing but which category is frequent.
        logged = reading.report.lines and any(words(text) for text in texts)
        if self._model is None or not logged:
            return _SILENT
        return self._model.judge(texts, reading.distances)

    def _has_failed(self, reading: Reading, failed: bool | None, causes: Sequence[float]) -> bool:
        """Step 2 of the line of thought: does the log hold a failure at all?"""
        if failed is not None:
            return failed
        if reading.verdict != "open":
            return reading.verdict == "failed"
        lines = reading.excerpt.lines
        telling = [hit for hit in reading.hits if hit.rule.strength != "consequence"]
        if all_passed(lines, [hit for hit in telling if _outlasts(hit)]):
            return False
        if not any(map(_proves, telling)) and ended_well(lines, telling):
            return False
        if telling or reading.trouble or mentions_failure(lines):
            return True
        over = got_over(lines)
        suspicious = (cause for cause, passed in zip(causes, over, strict=False) if not passed)
        return max(suspicious, default=-math.inf) >= self._settings["cause_above"]


def _proves(hit: RuleHit) -> bool:
    """A lasting cause is no trouble that a job gets over, nor is a tool's verdict of failure."""
    return hit.rule.strength in ("cause", "verdict") and not transient(hit.rule)


def _outlasts(hit: RuleHit) -> bool:
    """No later count of passed tests knows of it: a tool's verdict, or the end of a program."""
    named = hit.rule.category not in _NAMELESS
    return hit.rule.category in _ENDINGS or (hit.rule.strength == "verdict" and named)


def _no_failure(reading: Reading, *, sure: bool) -> Diagnosis:
    confidence = _SURE_NONE if sure else _MAYBE_NONE
    return Diagnosis(
        category="none",
        confidence=confidence,
        source="none",
        transient=False,
        candidates=(Candidate("none", confidence),),
        notes=tuple(reading.report.notes),
        bytes=reading.report.bytes,
        lines=reading.report.lines,
    )


def _source(category: Category, hit: RuleHit | None) -> Source:
    if category == "unknown":
        return "none"
    return "rule" if hit is not None else "model"


def rerun_chance(
    reading: Reading,
    top: str,
    confidences: Mapping[str, float],
    rerun_trust: Mapping[str, float],
) -> float:
    """Chance that an unchanged re-run passes: confidence times re-run share, over all categories.

    So a failure that is either of two which re-runs get past needs no certainty which one it is.
    0 where a re-run cannot help with `top`, the likeliest of them. `rerun_trust` is, for rules
    that training met, the share of such failures that a re-run would pass.
    """
    if not rerun_share(top, reading.best(top), rerun_trust):
        return 0.0
    return sum(
        confidence
        * rerun_share(category, reading.best(category), rerun_trust)
        * min(1.0, reading.near(category) / WENT_ON)
        for category, confidence in confidences.items()
    )


def rerun_share(category: str, hit: RuleHit | None, rerun_trust: Mapping[str, float]) -> float:
    """Share of the failures of a category, as the hit names it, that an unchanged re-run passes.

    0 where the rule, or else the category's nature, says that a re-run cannot help.
    """
    says = hit.rule.transient if hit is not None else None
    if not (category in TRANSIENT_BY_NATURE if says is None else says):
        return 0.0
    if hit is None:
        return RERUN_GUESSED
    if hit.rule.strength == "consequence":
        return GOT_OVER
    return rerun_trust.get(hit.rule.id, RERUN_UNTRIED)


def _candidates(ranked: Sequence[tuple[str, float]]) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(cast("Category", name), round(value, 4)) for name, value in ranked[:_CANDIDATES]
    )


def _fingerprint(
    category: Category, hit: RuleHit | None, captures: Mapping[str, str], naming: str
) -> str:
    wanted = {
        name: captures[name] for name in (hit.rule.captures if hit else ()) if name in captures
    }
    return fingerprint(category, hit.rule.id if hit else None, wanted, naming)


def _naming(
    category: Category, hit: RuleHit | None, evidence: Sequence[EvidenceLine], reading: Reading
) -> str:
    """The text that tells this cause from others, whatever a newly trained model thinks of lines.

    Of a formatter that is which files it would change: its summary is the same for all files.
    """
    changed = _CHANGED.findall(reading.printed.diff) if category == "lint_format" else []
    if changed:
        return " ".join(sorted(set(changed)))
    if hit is not None and hit.rule.strength in TELLING:
        return around(hit.rule, reading.redactor.redact(hit.text))
    return evidence[0].text if evidence else ""
