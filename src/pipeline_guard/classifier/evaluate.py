"""Scores diagnoses against labels: macro-F1, calls of transient, evidence, false alarms."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline_guard.classifier.manifest import Entry
from pipeline_guard.domain.diagnosis import Diagnosis
from pipeline_guard.logs.clean import clean_line

SHOWN = 3
"""Evidence counts when the true line is among the first so many."""
_LEFTOVER = re.compile(r"\x1b?\[[0-9;]*[mK]")
_SPACE = re.compile(r"\s+")
_WHOLE = 4
_PART = 12


@dataclass(frozen=True, slots=True)
class Judged:
    """A labelled log and what was said about it."""

    entry: Entry
    diagnosis: Diagnosis


def evidence_lines(evidence: str) -> tuple[str, ...]:
    """A manifest's evidence as cleaned lines; blank and tiny ones are left out."""
    found = (_plain(line) for line in evidence.split("\n"))
    return tuple(dict.fromkeys(line for line in found if len(line) >= _WHOLE))


def names_cause(text: str, wanted: Sequence[str]) -> bool:
    """Is this line one of the wanted ones, or does one hold the other?

    Short fragments only count as the whole evidence of a log: in a list of lines "Error:" would
    be found everywhere.
    """
    plain = _plain(text)
    if len(wanted) == 1 and wanted[0] in plain:
        return True
    return plain in wanted or any(
        (len(line) >= _PART and line in plain) or (len(plain) >= 2 * _PART and plain in line)
        for line in wanted
    )


def _plain(text: str) -> str:
    # Manifests lost the escape character of colour codes, not the rest of them.
    cleaned = clean_line(text.encode("utf-8", "replace"))
    return _SPACE.sub(" ", _LEFTOVER.sub("", cleaned)).strip()


def score(judged: Sequence[Judged]) -> dict[str, Any]:
    """All figures as plain JSON. Silver labels are left out: rules made them."""
    scored = [item for item in judged if not item.entry.silver]
    pairs = [(item.entry.label, item.diagnosis.category) for item in scored]
    return {
        "logs": len(scored),
        "silver_left_out": len(judged) - len(scored),
        **f1_figures([(str(label), str(said)) for label, said in pairs]),
        "platforms": _platforms(scored),
        "transient": _transient(scored),
        "evidence_at_3": _evidence(scored),
        "none": _none(scored),
        "confusion": _confusion([(str(label), str(said)) for label, said in pairs]),
    }


def f1_figures(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Macro-F1 over the labels that occur, accuracy, and each label's own figures."""
    figures: dict[str, dict[str, float | int]] = {}
    for name in sorted({label for label, _ in pairs}):
        hits = sum(label == said == name for label, said in pairs)
        figures[name] = {
            **_rates(hits, sum(s == name for _, s in pairs), sum(w == name for w, _ in pairs)),
            "logs": sum(label == name for label, _ in pairs),
        }
    mean = sum(float(figure["f1"]) for figure in figures.values()) / len(figures) if figures else 0
    return {
        "macro_f1": round(mean, 4),
        "accuracy": _share(sum(label == said for label, said in pairs), len(pairs)),
        "categories": figures,
    }


def _rates(hits: int, said: int, wanted: int) -> dict[str, float | int]:
    precision, recall = _share(hits, said), _share(hits, wanted)
    total = precision + recall
    return {
        "precision": precision,
        "recall": recall,
        "f1": round(2 * precision * recall / total, 4) if total else 0.0,
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _platforms(scored: Sequence[Judged]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in sorted({item.entry.platform for item in scored}):
        own = [item for item in scored if item.entry.platform == name]
        right = sum(item.entry.label == item.diagnosis.category for item in own)
        figures = f1_figures([(item.entry.label, item.diagnosis.category) for item in own])
        found[name] = {
            "logs": len(own),
            "accuracy": _share(right, len(own)),
            "macro_f1": figures["macro_f1"],
        }
    return found


def _transient(scored: Sequence[Judged]) -> dict[str, Any]:
    said = [item for item in scored if item.diagnosis.transient]
    wanted = [item for item in scored if item.entry.would_pass]
    hits = sum(item.entry.would_pass for item in said)
    return {
        "precision": _share(hits, len(said)),
        "recall": _share(hits, len(wanted)),
        "said": len(said),
        "wanted": len(wanted),
    }


def _evidence(scored: Sequence[Judged]) -> dict[str, Any]:
    shown, total = 0, 0
    for item in scored:
        wanted = evidence_lines(item.entry.evidence)
        if wanted:
            total += 1
            first = item.diagnosis.evidence[:SHOWN]
            shown += any(names_cause(line.text, wanted) for line in first)
    return {"share": _share(shown, total), "logs": total}


def _none(scored: Sequence[Judged]) -> dict[str, Any]:
    quiet = [item for item in scored if item.entry.label == "none"]
    red = [item for item in scored if item.entry.label != "none"]
    alarms = sum(item.diagnosis.category != "none" for item in quiet)
    missed = sum(item.diagnosis.category == "none" for item in red)
    return {
        "called_failure": alarms,
        "logs": len(quiet),
        "share": _share(alarms, len(quiet)),
        "failures_called_none": missed,
    }


def _confusion(pairs: Sequence[tuple[str, str]]) -> dict[str, dict[str, int]]:
    counts = Counter(pairs)
    rows: dict[str, dict[str, int]] = {}
    for (label, said), count in sorted(counts.items()):
        rows.setdefault(label, {})[said] = count
    return rows
