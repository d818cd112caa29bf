"""Judges one log: the only place where rules, model, excerpt, redaction and fingerprint meet.

Pure but for reading the log itself. The line of thought:

1. While the log streams by, secrets are learned, rules scan it, suspicious lines are noted, and
   the excerpt around all of these is cut out.
2. Is there a failure at all? The platform's word comes first, then the log's own verdict, then
   rule hits and troubled tools; failing all that, how much the most suspicious line looks like a
   cause. Otherwise the category is `none`.
3. Rules and model are combined by the formula in classifier/combine.py. Below the threshold that
   training chose, the answer is an honest `unknown`.
4. Evidence: lines ranked by rule strength and by the model's idea of what a cause looks like.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from pipeline_guard.classifier.combine import BY_HAND, Vote, combine
from pipeline_guard.classifier.predict import Model
from pipeline_guard.classifier.signals import Signals, Verdict
from pipeline_guard.domain.diagnosis import (
    TRANSIENT_BY_NATURE,
    Candidate,
    Category,
    Diagnosis,
    EvidenceLine,
    Source,
)
from pipeline_guard.logs.excerpt import Excerpt, ExcerptBuilder
from pipeline_guard.logs.fingerprint import fingerprint
from pipeline_guard.logs.read import Chunk, ReadLimits, ReadReport, read_chunks
from pipeline_guard.logs.redact import Redactor
from pipeline_guard.logs.testnames import TestNames
from pipeline_guard.rules.hits import RuleHit
from pipeline_guard.rules.load import RuleSet
from pipeline_guard.rules.match import Scanner, rank
from pipeline_guard.stages.evidence import choose

WITHOUT_MODEL: Mapping[str, float] = {
    "unknown_below": 0.35,
    "transient_above": 0.5,
    "cause_above": 0.0,
}
"""Thresholds where no model is there to bring fitted ones."""
_CANDIDATES = 5
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
    failed_tests: tuple[str, ...]
    redactor: Redactor

    @property
    def votes(self) -> list[Vote]:
        """The rules' words for the formula."""
        last = max(1, self.report.lines)
        return [
            Vote(hit.rule.category, hit.rule.id, hit.rule.strength, min(1.0, hit.order / last))
            for hit in self.hits
        ]

    @property
    def first(self) -> str | None:
        """The category of the most telling hit."""
        return self.hits[0].rule.category if self.hits else None


class Judge:
    """Judges logs with one set of rules and, where there is one, the trained model."""

    def __init__(
        self, rules: RuleSet, model: Model | None, limits: ReadLimits | None = None
    ) -> None:
        self._rules = rules
        self._model = model
        self._limits = limits or ReadLimits()

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
        excerpt, tests = ExcerptBuilder(), TestNames()

        def take(chunk: Chunk) -> None:
            redactor.observe(chunk.data)
            hits = [hit.line for hit in scanner.feed(chunk)]
            excerpt.feed(chunk, sorted({*hits, *signals.feed(chunk)}))
            tests.feed(chunk)

        for chunk in read_chunks(source, report, self._limits):
            take(chunk)
        if extra_lines:
            remarks = "".join(line.replace("\n", " ") + "\n" for line in extra_lines)
            take(Chunk(remarks.encode(), report.lines + 1))
        return Reading(
            report,
            tuple(rank(scanner.finish())),
            excerpt.build(redactor),
            signals.verdict(),
            signals.trouble,
            tuple(redactor.redact(name) for name in tests.names()),
            redactor,
        )

    def conclude(self, reading: Reading, *, failed: bool | None = None) -> Diagnosis:
        """Give the diagnosis of a log that was read."""
        lines = reading.excerpt.lines
        causes = self._model.causes([line.text for line in lines]) if self._model else []
        if not self._has_failed(reading, failed, causes):
            return _no_failure(reading, sure=failed is False or reading.verdict == "passed")
        confidences = self._confidences(reading, causes)
        ranked = sorted(confidences.items(), key=lambda item: (-item[1], item[0]))
        top, confidence = ranked[0] if ranked else ("unknown", 0.0)
        settings = self._settings
        known = confidence >= settings["unknown_below"]
        category: Category = cast("Category", top) if known else "unknown"
        hit = next((hit for hit in reading.hits if hit.rule.category == category), None)
        evidence = choose(reading.hits, lines, causes, category, reading.redactor)
        return Diagnosis(
            category=category,
            confidence=round(confidence if known else 1.0 - confidence, 4),
            source=_source(category, hit),
            transient=known
            and confidence >= settings["transient_above"]
            and _passes(category, hit),
            rule=hit.rule.id if hit else None,
            evidence=evidence,
            fingerprint=_fingerprint(category, hit, evidence),
            failed_tests=reading.failed_tests,
            candidates=_candidates(ranked),
            advice=hit.rule.told(_redacted(hit, reading.redactor)) if hit else None,
            link=hit.rule.link if hit else None,
            excerpt=reading.excerpt.text,
            notes=tuple(reading.report.notes),
            bytes=reading.report.bytes,
            lines=reading.report.lines,
        )

    @property
    def _settings(self) -> Mapping[str, float]:
        return self._model.settings if self._model else WITHOUT_MODEL

    def _confidences(self, reading: Reading, causes: Sequence[float]) -> dict[str, float]:
        texts = [line.text for line in reading.excerpt.lines]
        model = self._model.probabilities(texts, causes) if self._model else {}
        parameters = self._model.parameters if self._model else BY_HAND
        return combine(reading.votes, model, reading.first, parameters)

    def _has_failed(self, reading: Reading, failed: bool | None, causes: Sequence[float]) -> bool:
        """Step 2 of the line of thought: does the log hold a failure at all?"""
        if failed is not None:
            return failed
        if reading.verdict != "open":
            return reading.verdict == "failed"
        if reading.trouble or any(hit.rule.strength != "consequence" for hit in reading.hits):
            return True
        return max(causes, default=-math.inf) >= self._settings["cause_above"]


def _no_failure(reading: Reading, *, sure: bool) -> Diagnosis:
    confidence = _SURE_NONE if sure or not reading.report.bytes else _MAYBE_NONE
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


def _passes(category: Category, hit: RuleHit | None) -> bool:
    """Would an unchanged re-run plausibly pass? The rule says, else the category's nature."""
    if hit is not None and hit.rule.transient is not None:
        return hit.rule.transient
    return category in TRANSIENT_BY_NATURE


def _candidates(ranked: Sequence[tuple[str, float]]) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(cast("Category", name), round(value, 4)) for name, value in ranked[:_CANDIDATES]
    )


def _redacted(hit: RuleHit, redactor: Redactor) -> dict[str, str]:
    return {name: redactor.redact(value) for name, value in hit.captures.items()}


def _fingerprint(category: Category, hit: RuleHit | None, evidence: Sequence[EvidenceLine]) -> str:
    captures = hit.captures if hit else {}
    wanted = {
        name: captures[name] for name in (hit.rule.captures if hit else ()) if name in captures
    }
    first = evidence[0].text if evidence else ""
    return fingerprint(category, hit.rule.id if hit else None, wanted, first)
