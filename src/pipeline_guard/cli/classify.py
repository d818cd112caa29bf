"""`classify`, `train` and `evaluate`: judge logs here and now, and teach the model."""

import hashlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import typer

from pipeline_guard.cli import progress
from pipeline_guard.domain.diagnosis import Diagnosis, EvidenceLine
from pipeline_guard.errors import ConfigError, LogError

# Only what every command needs is imported above: a cold `classify` must not pay for training.

_UNREADABLE = 1
_WRONG_RULES = 2


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(classify)
    app.command()(train)
    app.command()(evaluate)


def classify(
    files: list[str] = typer.Argument(
        None, metavar="[FILE]...", help="Logs, plain or .gz or .zip; - reads standard input."
    ),
    rules: Path | None = typer.Option(
        None, "--rules", help="A folder of your own rules.", metavar="DIR"
    ),
    as_json: bool = typer.Option(False, "--json", help="One JSON object a line for each file."),
) -> None:
    """Say what made a job fail, from its log alone.

    Example: pipeline-guard classify build.log --json

    Exit codes: 0 every log was judged; 1 one could not be read (the others are still judged);
    2 wrong usage, or the rules are not valid.
    """
    names = files or ["-"]
    try:
        judge = _judge(rules)
    except ConfigError as error:
        _complain(str(error))
        raise typer.Exit(_WRONG_RULES) from error
    unread = False
    # Verdicts that scroll by on a screen show themselves how far it is.
    with progress.bar("Judging logs", 0 if sys.stdout.isatty() else len(names)) as tell:
        for done, name in enumerate(names, 1):
            started = time.perf_counter()
            try:
                diagnosis = judge.judge(_source(name))
            except LogError as error:
                _complain(f"{name}: {error}")
                unread = True
                continue
            elapsed = (time.perf_counter() - started) * 1000
            row = as_row(name, diagnosis, elapsed)
            typer.echo(json.dumps(row, ensure_ascii=False) if as_json else _told(row, diagnosis))
            tell(done)
    if unread:
        raise typer.Exit(_UNREADABLE)


def as_row(name: str, diagnosis: Diagnosis, elapsed_ms: float) -> dict[str, Any]:
    """A diagnosis under the names that scripts rely on."""
    return {
        "file": name,
        "category": diagnosis.category,
        "confidence": diagnosis.confidence,
        "source": diagnosis.source,
        "rule": diagnosis.rule,
        "transient": diagnosis.transient,
        "evidence": [_evidence_row(item) for item in diagnosis.evidence],
        "fingerprint": diagnosis.fingerprint,
        "failed_tests": list(diagnosis.failed_tests),
        "candidates": [
            {"category": item.category, "confidence": item.confidence}
            for item in diagnosis.candidates
        ],
        "advice": diagnosis.advice,
        "notes": list(diagnosis.notes),
        "bytes": diagnosis.bytes,
        "lines": diagnosis.lines,
        "elapsed_ms": round(elapsed_ms, 2),
    }


def _evidence_row(item: EvidenceLine) -> dict[str, Any]:
    row: dict[str, Any] = {"line": item.line, "text": item.text}
    return row if item.part is None else {**row, "part": item.part}


def _judge(rules: Path | None) -> Any:
    from pipeline_guard.classifier.predict import Model  # noqa: PLC0415
    from pipeline_guard.rules.load import load_rules  # noqa: PLC0415
    from pipeline_guard.stages.diagnose.judge import Judge  # noqa: PLC0415

    return Judge(load_rules([rules] if rules else []), Model())


def _source(name: str) -> Path | BinaryIO:
    if name == "-":
        return sys.stdin.buffer
    path = Path(name)
    if path.is_dir():
        raise LogError("this is a folder; name the log files in it")
    if not path.exists():
        raise LogError("there is no such file")
    return path


def _complain(text: str) -> None:
    sys.stderr.write(f"pipeline-guard: {text}\n")


def _told(row: dict[str, Any], diagnosis: Diagnosis) -> str:
    """The verdict for people: a few lines, no colour, so that it can be piped."""
    if diagnosis.category == "none":
        return "\n".join([f"{row['file']}: no failure found", *_noted(diagnosis)])
    who = f"rule {diagnosis.rule}" if diagnosis.rule else f"{diagnosis.source}"
    again = "a re-run may pass" if diagnosis.transient else "a re-run will not help"
    if diagnosis.category == "unknown":
        likely = ", ".join(c.category for c in diagnosis.candidates[:3])
        head = f"{row['file']}: unknown cause (closest: {likely or 'nothing'})"
    else:
        head = f"{row['file']}: {diagnosis.category} ({diagnosis.confidence:.0%}, {who}), {again}"
    lines = [head]
    lines += [f"  {item.line:>7}  {item.text[:160]}" for item in diagnosis.evidence[:5]]
    if diagnosis.failed_tests:
        more = len(diagnosis.failed_tests) - 5
        names = ", ".join(diagnosis.failed_tests[:5]) + (f" and {more} more" if more > 0 else "")
        lines.append(f"  failed tests: {names}")
    if diagnosis.advice:
        lines.append(f"  advice: {diagnosis.advice}")
    return "\n".join([*lines, *_noted(diagnosis)])


def _noted(diagnosis: Diagnosis) -> list[str]:
    return [f"  note: {note}" for note in diagnosis.notes]


def train(
    manifests: list[Path] = typer.Argument(
        ..., metavar="MANIFEST...", help="JSON lines: path, label."
    ),
    out: Path = typer.Option(..., "--out", metavar="DIR", help="Where model and card are written."),
    as_json: bool = typer.Option(False, "--json", help="All figures as one JSON object."),
) -> None:
    """Train the model on labelled logs; the same input gives the same bytes.

    Corrections in DIR/label-overlay.jsonl are applied. Example: pipeline-guard train
    corpus/manifest.jsonl --out models/failure-classifier

    Exit codes: 0 written; 1 a manifest or a log could not be read, or holds too little.
    """
    from pipeline_guard.classifier import card  # noqa: PLC0415
    from pipeline_guard.classifier.artifact import FILE_NAME  # noqa: PLC0415
    from pipeline_guard.classifier.manifest import read_manifests, read_overlay  # noqa: PLC0415
    from pipeline_guard.rules.load import load_rules  # noqa: PLC0415
    from pipeline_guard.stages.diagnose.judge import Judge  # noqa: PLC0415
    from pipeline_guard.stages.trials.held_out import as_labelled, by_platform  # noqa: PLC0415
    from pipeline_guard.stages.trials.learn import learn, read_samples  # noqa: PLC0415

    entries = read_manifests(manifests, read_overlay(out))
    if len({entry.label for entry in entries} - {"none", "unknown"}) < 2:
        raise ConfigError("There are logs of fewer than two categories: nothing to tell apart.")
    rules = load_rules()
    with progress.bar("Reading logs", len(entries)) as tell:
        samples = read_samples(entries, Judge(rules, None), tell)
    with progress.bar("Learning, and scoring across folds", None):
        learned = learn(samples, rules, {"manifests": _digests(manifests)})
    scores = {**learned.scores, "as_labelled": as_labelled(learned, read_manifests(manifests))}
    with progress.bar("Scoring with each platform held out", None):
        scores["held_out"] = by_platform(samples, rules, learned)
    out.mkdir(parents=True, exist_ok=True)
    (out / FILE_NAME).write_bytes(learned.artifact)
    digest = hashlib.sha256(learned.artifact).hexdigest()
    (out / card.CARD_NAME).write_text(card.card(entries, scores, learned.meta, digest))
    (out / card.PICTURE_NAME).write_text(card.picture(learned.scores["both"]["confusion"]))
    if as_json:
        typer.echo(json.dumps({"sha256": digest, "scores": scores}))
        return
    typer.echo(f"{out / FILE_NAME}: {len(learned.artifact)} bytes, {digest}")
    typer.echo(_summary(learned.scores["both"]))


def evaluate(
    manifest: Path = typer.Argument(
        ..., metavar="MANIFEST", help="JSON lines with path and label."
    ),
    as_json: bool = typer.Option(False, "--json", help="All figures as one JSON object."),
) -> None:
    """Score rules and model as shipped on labelled logs.

    Silver labels are left out. Example: pipeline-guard evaluate corpus/manifest.jsonl --json

    Exit codes: 0 scored; 1 the manifest or a log could not be read.
    """
    from pipeline_guard.classifier.evaluate import Judged, score  # noqa: PLC0415
    from pipeline_guard.classifier.manifest import read_manifests  # noqa: PLC0415
    from pipeline_guard.classifier.predict import Model  # noqa: PLC0415

    judge = _judge(None)
    entries = [entry for entry in read_manifests([manifest]) if not entry.silver]
    judged = []
    with progress.bar("Judging logs", len(entries)) as tell:
        for done, entry in enumerate(entries, 1):
            judged.append(Judged(entry, judge.judge(entry.path)))
            tell(done)
    figures = score(judged)
    if hashlib.sha256(manifest.read_bytes()).hexdigest() in Model().trained_on:
        _complain(
            "note: the model was trained on this very manifest, so these figures flatter it;"
            " those made across folds are in its card"
        )
    if as_json:
        typer.echo(json.dumps(figures))
        return
    typer.echo(_summary(figures))
    from pipeline_guard.cli import runtime  # noqa: PLC0415

    runtime.print_table(
        "By category",
        ["category", "logs", "precision", "recall", "F1"],
        [
            [name, str(one["logs"]), *(f"{one[key]:.2f}" for key in ("precision", "recall", "f1"))]
            for name, one in figures["categories"].items()
        ],
    )


def _summary(figures: dict[str, Any]) -> str:
    transient, none, shown = figures["transient"], figures["none"], figures["evidence_at_3"]
    return (
        f"{figures['logs']} logs: macro-F1 {figures['macro_f1']:.3f}, accuracy"
        f" {figures['accuracy']:.3f}; transient precision {transient['precision']:.3f}, recall"
        f" {transient['recall']:.3f}; cause among the first 3 lines {shown['share']:.3f} of"
        f" {shown['logs']}; {none['called_failure']} of {none['logs']} logs without failure"
        f" called one; {none['failures_called_none']} failures missed"
    )


def _digests(manifests: Sequence[Path]) -> dict[str, str]:
    """SHA-256 of each manifest under its folder's name, so no path of this machine is stored."""
    return {
        f"{path.resolve().parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in manifests
    }
