"""Writes the model's card: what it was trained on, how well it does, and where it does not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from pipeline_guard.classifier.manifest import Entry

CARD_NAME = "card.md"
PICTURE_NAME = "confusion.svg"
_ABOUT = (
    "Two linear models over words and word pairs (TF-IDF): one finds the line that names the"
    " cause, the other names the category from the best such lines. `model.skops` is a plain dict"
    " of arrays, written with skops; nothing in it can run. Combined with the rules by the formula"
    " in `classifier/combine.py`.\n"
)
_CELL = 26
_MARGIN = 170
_WEAK = 0.6


def card(
    entries: Sequence[Entry],
    scores: Mapping[str, Mapping[str, Any]],
    meta: Mapping[str, Any],
    digest: str,
) -> str:
    """The card as Markdown.

    `scores` has `rules`, `model`, `both` and `as_labelled` (both, without corrections), each from
    evaluate.score, and `held_out`: the same by platform.
    """
    both = scores["both"]
    parts = [
        "# Failure classifier\n",
        _ABOUT,
        _data(entries, meta),
        _headline(scores),
        _categories(both["categories"]),
        _platforms(both["platforms"]),
        _held_out(scores["held_out"]),
        f"## Where it errs\n\n![Confusion matrix]({PICTURE_NAME})\n",
        _weak(both),
        _hashes(meta, digest),
    ]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _data(entries: Sequence[Entry], meta: Mapping[str, Any]) -> str:
    silver = sum(entry.silver for entry in entries)
    labels = Counter(entry.label for entry in entries)
    read = Counter(entry.label for entry in entries if not entry.silver)
    rows = [(name, read[name], count - read[name]) for name, count in sorted(labels.items())]
    return (
        f"## Data\n\n{len(entries)} logs in {meta['groups']} groups (a project, or"
        f" near-duplicates). {len(entries) - silver} labels were given by a reader; {silver} are"
        " silver: a rule on the build tool's verdict line gave them, so they train with a weight"
        " of 0.3 and never score. The sample lines of the rules are trained on too. Corrections"
        " to labels, with reasons: `label-overlay.jsonl`.\n\n"
        + _table(("category", "read", "silver"), rows)
    )


def _headline(scores: Mapping[str, Mapping[str, Any]]) -> str:
    def row(name: str, figures: Mapping[str, Any]) -> tuple[object, ...]:
        transient, none = figures["transient"], figures["none"]
        return (
            name,
            f"{figures['macro_f1']:.3f}",
            f"{figures['accuracy']:.3f}",
            f"{transient['precision']:.3f} / {transient['recall']:.3f}",
            f"{figures['evidence_at_3']['share']:.3f}",
            f"{none['called_failure']} of {none['logs']}",
            none["failures_called_none"],
        )

    head = (
        "",
        "macro-F1",
        "accuracy",
        "transient precision / recall",
        "cause among first 3 lines",
        "`none` called a failure",
        "failures called `none`",
    )
    names = {
        "rules": "rules alone",
        "model": "model alone",
        "both": "rules and model",
        "as_labelled": "rules and model, labels uncorrected",
    }
    return (
        f"## Scores\n\nOn {scores['both']['logs']} logs, five folds; a project and its"
        " near-duplicates are never on both sides, and thresholds come from the other folds."
        " The rules were written with some of these logs at hand, so their own figures flatter"
        " them; the model's do not.\n\n"
        + _table(head, [row(names[name], scores[name]) for name in names])
    )


def _categories(figures: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (name, one["logs"], f"{one['precision']:.2f}", f"{one['recall']:.2f}", f"{one['f1']:.2f}")
        for name, one in figures.items()
    ]
    return "## By category\n\n" + _table(("category", "logs", "precision", "recall", "F1"), rows)


def _platforms(figures: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (name, one["logs"], f"{one['accuracy']:.2f}", f"{one['macro_f1']:.2f}")
        for name, one in figures.items()
    ]
    return "## By platform\n\n" + _table(("platform", "logs", "accuracy", "macro-F1"), rows)


def _held_out(figures: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        (
            name,
            one["logs"],
            f"{one['accuracy']:.2f}",
            f"{one['macro_f1']:.2f}",
            _rates(one["transient"]),
            f"{one['evidence_at_3']['share']:.2f}",
            f"{one['none']['called_failure']} of {one['none']['logs']}",
        )
        for name, one in figures.items()
    ]
    if not rows:
        return "## On a platform never seen\n\nNot tested: all logs come from one platform.\n"
    return (
        "## On a platform never seen\n\nFitted on the logs of all other platforms, tested on"
        " those of one: nearer to what a new installation will see than the folds above. Macro-F1"
        " counts only the categories that the platform's logs have.\n\n"
        + _table(
            (
                "platform held out",
                "logs",
                "accuracy",
                "macro-F1",
                "transient precision / recall",
                "cause among first 3 lines",
                "`none` called a failure",
            ),
            rows,
        )
    )


def _rates(transient: Mapping[str, Any]) -> str:
    precision = f"{transient['precision']:.2f} of {transient['said']}"
    return f"{precision} / {transient['recall']:.2f} of {transient['wanted']}"


def _weak(both: Mapping[str, Any]) -> str:
    weak = [
        f"`{name}` (F1 {one['f1']:.2f} on {one['logs']} logs; taken for {_taken(both, name)})"
        for name, one in both["categories"].items()
        if one["f1"] < _WEAK
    ]
    text = "; ".join(weak) if weak else "none below F1 0.6"
    return (
        f"Known weak categories: {text}. Categories with fewer than ten logs have figures that"
        " one log can move by a tenth.\n"
    )


def _taken(both: Mapping[str, Any], name: str) -> str:
    wrong = [(count, said) for said, count in both["confusion"][name].items() if said != name]
    return ", ".join(f"{said} {count}x" for count, said in sorted(wrong, reverse=True)[:3]) or "-"


def _hashes(meta: Mapping[str, Any], digest: str) -> str:
    rows = [("model.skops", digest), *sorted(meta.get("manifests", {}).items())]
    settings = ", ".join(f"{name} {value}" for name, value in sorted(meta["settings"].items()))
    formula = ", ".join(f"{name} {value}" for name, value in meta["combine"].items())
    return (
        f"## Numbers\n\nTemperature {meta['temperature']}; {settings}. Formula: {formula}.\n\n"
        + _table(("file", "SHA-256"), rows)
    )


def picture(confusion: Mapping[str, Mapping[str, int]]) -> str:
    """The confusion matrix as SVG: a row for each true category, darker means a larger share."""
    names = sorted({*confusion, *(said for row in confusion.values() for said in row)})
    size = _MARGIN + _CELL * len(names) + 10
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}"'
        f' width="{size}" height="{size}" font-family="sans-serif" font-size="11">'
    )
    parts = [
        head,
        "<title>Rows: true category. Columns: what was said.</title>",
        f'<rect width="{size}" height="{size}" fill="white"/>',
    ]
    for place, name in enumerate(names):
        middle = _MARGIN + place * _CELL + _CELL // 2
        text = escape(name)
        parts.append(f'<text x="{_MARGIN - 6}" y="{middle + 4}" text-anchor="end">{text}</text>')
        parts.append(
            f'<text transform="translate({middle + 4} {_MARGIN - 6}) rotate(-90)">{text}</text>'
        )
    for down, name in enumerate(names):
        row = confusion.get(name, {})
        total = sum(row.values()) or 1
        for across, said in enumerate(names):
            parts.append(
                _cell(_MARGIN + across * _CELL, _MARGIN + down * _CELL, row.get(said, 0), total)
            )
    return "\n".join([*parts, "</svg>", ""])


def _cell(x: int, y: int, count: int, total: int) -> str:
    share = count / total
    fill = f"rgb({round(255 - 225 * share)},{round(255 - 165 * share)},255)"
    box = f'<rect x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" fill="{fill}" stroke="#ddd"/>'
    if not count:
        return box
    ink = "white" if share > 0.5 else "black"
    middle = _CELL // 2
    return box + (
        f'<text x="{x + middle}" y="{y + middle + 4}" text-anchor="middle" fill="{ink}">'
        f"{count}</text>"
    )
