"""`classify`, `train` and `evaluate` as a user runs them."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pipeline_guard.cli import classify
from pipeline_guard.rules import load

KEYS = {
    "file",
    "category",
    "confidence",
    "source",
    "rule",
    "transient",
    "evidence",
    "fingerprint",
    "failed_tests",
    "candidates",
    "bytes",
    "lines",
    "elapsed_ms",
}
RED = "FAILED tests/test_a.py::test_b - assert 1 == 2\n1 failed in 0.2s\n"


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer()
    classify.register(made)
    return made


def test_one_object_a_line_in_order(app: typer.Typer, tmp_path: Path) -> None:
    red, green, packed = tmp_path / "red.log", tmp_path / "green.log", tmp_path / "red.log.gz"
    red.write_text(RED)
    green.write_text("all fine\nFinished: SUCCESS\n")
    packed.write_bytes(gzip.compress(RED.encode()))
    result = CliRunner().invoke(app, ["classify", str(red), str(green), str(packed), "--json"])
    assert result.exit_code == 0
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["file"] for row in rows] == [str(red), str(green), str(packed)]
    assert [row["category"] for row in rows] == ["test_failure", "none", "test_failure"]
    assert all(set(row) >= KEYS for row in rows)
    assert rows[0]["failed_tests"] == ["tests/test_a.py::test_b"]
    assert rows[0]["evidence"][0]["line"] in (1, 2)
    assert rows[0]["fingerprint"] == rows[2]["fingerprint"]


def test_standard_input(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["classify", "-", "--json"], input=RED)
    row = json.loads(result.stdout)
    assert (row["file"], row["category"], row["lines"]) == ("-", "test_failure", 2)


def test_one_bad_file_does_not_stop_the_others(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "red.log").write_text(RED)
    (tmp_path / "empty.log").write_text("")
    names = [str(tmp_path / name) for name in ("gone.log", "red.log", "empty.log")]
    result = CliRunner().invoke(app, ["classify", *names, str(tmp_path), "--json"])
    assert result.exit_code == 1
    assert [json.loads(line)["category"] for line in result.stdout.splitlines()] == [
        "test_failure",
        "none",
    ]
    assert "gone.log: there is no such file" in result.stderr
    assert "this is a folder" in result.stderr


def test_text_for_people(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "red.log").write_text(RED)
    result = CliRunner().invoke(app, ["classify", str(tmp_path / "red.log")])
    assert "test_failure" in result.stdout
    assert "failed tests: tests/test_a.py::test_b" in result.stdout
    assert "\x1b" not in result.stdout


def test_rules_that_are_not_valid(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("rules:\n  - id: x y\n")
    result = CliRunner().invoke(app, ["classify", "-", "--rules", str(tmp_path)], input=RED)
    assert result.exit_code == 2
    assert "own.yaml:2" in result.stderr


WORDS = [
    *("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "ivory", "jasper"),
    *("kelp", "lotus", "maple", "north", "olive", "pearl", "quartz", "river", "sable", "thorn"),
]
FEW_RULES = """
rules:
  - id: own-slow
    category: timeout
    patterns: {any: ['took too long']}
    tests: {match: ['it took too long']}
"""


def _corpus(folder: Path) -> Path:
    """Twenty made-up logs of two causes and one without, each from its own made-up project."""
    rows = []
    for number, word in enumerate(WORDS):
        kind = ("timeout", "compile_error", "none")[number % 3]
        text = {
            "timeout": f"waiting for the {word} widget\nthe {word} widget took too long\n",
            "compile_error": f"compiling {word} now\nstrange symbol before {word} brace\n",
            "none": f"building the {word}\nall is well with {word}\nFinished: SUCCESS\n",
        }[kind]
        path = folder / f"{number}.log"
        path.write_text(text + ("" if kind == "none" else "##[error]exit\n"))
        evidence = {} if kind == "none" else {"evidence": text.splitlines()[1]}
        row = {"path": path.name, "label": kind, "project": f"p/{word}", **evidence}
        rows.append(row | {"platform": "jenkins"})
    manifest = folder / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return manifest


def test_training_gives_the_same_bytes_each_time(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.yaml").write_text(FEW_RULES)
    few = load.load_rules([tmp_path / "own.yaml"], builtin=False)
    # The lines of all built-in rules would be trained on too: right, but slow.
    monkeypatch.setattr(load, "load_rules", lambda: few)
    (tmp_path / "logs").mkdir()
    manifest = _corpus(tmp_path / "logs")
    digests = []
    names = ["card.md", "confusion.svg", "model.skops"]
    for name in ("one", "two"):
        out = tmp_path / name
        result = CliRunner().invoke(app, ["train", str(manifest), "--out", str(out)])
        assert result.exit_code == 0, result.output
        digests.append([hashlib.sha256((out / file).read_bytes()).hexdigest() for file in names])
    assert digests[0] == digests[1]
    card = (tmp_path / "one" / "card.md").read_text()
    assert "20 logs" in card
    assert digests[0][names.index("model.skops")] in card
    assert str(tmp_path) not in card
    assert (tmp_path / "one" / "confusion.svg").read_text().startswith("<svg")


def test_training_needs_two_causes(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text('{"path": "a.log", "label": "timeout"}\n')
    result = CliRunner().invoke(app, ["train", str(tmp_path / "m.jsonl"), "--out", str(tmp_path)])
    assert result.exit_code != 0
    assert "fewer than two categories" in str(result.exception)


def test_evaluate_prints_the_figures(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(RED)
    (tmp_path / "b.log").write_text("fine\nFinished: SUCCESS\n")
    (tmp_path / "m.jsonl").write_text(
        '{"path": "a.log", "label": "test_failure", "evidence": "FAILED tests/test_a.py::test_b"}\n'
        '{"path": "b.log", "label": "none"}\n'
        '{"path": "gone.log", "label": "timeout", "label_basis": "silver: a rule"}\n'
    )
    result = CliRunner().invoke(app, ["evaluate", str(tmp_path / "m.jsonl"), "--json"])
    figures = json.loads(result.stdout)
    assert figures["logs"] == 2
    assert figures["macro_f1"] == 1.0
    assert figures["evidence_at_3"] == {"share": 1.0, "logs": 1}
    assert figures["none"]["called_failure"] == 0


def test_training_needs_logs_that_are_not_all_related(app: typer.Typer, tmp_path: Path) -> None:
    rows = []
    for number, label in enumerate(["timeout", "crash"]):
        (tmp_path / f"{number}.log").write_text(f"it went wrong in way {label}\n")
        rows.append({"path": f"{number}.log", "label": label, "project": "only/one"})
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = CliRunner().invoke(app, ["train", str(tmp_path / "m.jsonl"), "--out", str(tmp_path)])
    assert "too few unrelated projects" in str(result.exception)
