"""Manifests and corrections: what is wrong is named by file and line."""

import json
from pathlib import Path

import pytest

from pipeline_guard.classifier.manifest import OVERLAY_NAME, read_manifests, read_overlay
from pipeline_guard.errors import ConfigError


def _write(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def test_an_entry_and_its_correction(tmp_path: Path) -> None:
    manifest = _write(
        tmp_path / "m.jsonl",
        {"path": "a.log", "label": "timeout", "label_basis": "silver: a rule", "project": "public"},
        {"path": "b.log", "label": "rate_limit", "project": "one/two"},
    )
    _write(tmp_path / OVERLAY_NAME, {"path": "a.log", "label": "crash", "reason": "it crashed"})
    first, second = read_manifests([manifest], read_overlay(tmp_path))
    assert (first.label, first.silver, first.project) == ("crash", False, None)
    assert first.path == tmp_path / "a.log"
    assert second.project == "one/two"
    assert second.would_pass
    assert not first.would_pass


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "m.jsonl:1: not JSON"),
        ("[]", "m.jsonl:1: a line must be a JSON object"),
        ('{"label": "timeout"}', "m.jsonl:1: `path` is missing"),
        ('{"path": "a", "label": "sad"}', "'sad' is not one of the categories"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, line: str, said: str) -> None:
    manifest = tmp_path / "m.jsonl"
    manifest.write_text(line)
    with pytest.raises(ConfigError, match=said.replace("[", r"\[")):
        read_manifests([manifest])


def test_a_correction_needs_its_reason(tmp_path: Path) -> None:
    _write(tmp_path / OVERLAY_NAME, {"path": "a.log", "label": "crash"})
    with pytest.raises(ConfigError, match="needs its reason"):
        read_overlay(tmp_path)


def test_a_missing_manifest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_manifests([tmp_path / "none.jsonl"])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"path": "a.log", "reason": "it crashed"}], ":1: a correction needs `path`"),
        ([{"label": "crash", "reason": "it crashed"}], ":1: a correction needs `path`"),
        ([{"path": "a.log", "label": "crash", "reason": "so"}] * 2, ":2: a.log was corrected"),
    ],
)
def test_a_correction_that_corrects_nothing_is_told(
    tmp_path: Path, rows: list[object], said: str
) -> None:
    path = _write(tmp_path / OVERLAY_NAME, *rows)
    with pytest.raises(ConfigError) as caught:
        read_overlay(tmp_path)
    assert str(caught.value).startswith(f"{path}{said}")
