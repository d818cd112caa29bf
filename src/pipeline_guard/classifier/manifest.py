"""Reads manifests of labelled logs, and the overlay that corrects a label with a reason."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline_guard.domain.diagnosis import CATEGORIES, TRANSIENT_BY_NATURE, Category
from pipeline_guard.errors import ConfigError

OVERLAY_NAME = "label-overlay.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """One labelled log.

    `key` is its path as the manifest writes it, which the overlay refers to. `silver` labels come
    from rules and never score. `transient` is what is known of a re-run, None when nothing is.
    """

    key: str
    path: Path
    label: Category
    silver: bool = False
    platform: str = "unknown"
    project: str | None = None
    evidence: str = ""
    transient: bool | None = None

    @property
    def would_pass(self) -> bool:
        """Would an unchanged re-run plausibly pass? What is known, else the category's nature."""
        if self.transient is not None:
            return self.transient
        return self.label in TRANSIENT_BY_NATURE


def read_manifests(
    paths: Iterable[Path], overlay: Mapping[str, Mapping[str, Any]] | None = None
) -> list[Entry]:
    """Every entry of the manifests in order; ConfigError names file and line of what is wrong."""
    entries: list[Entry] = []
    for path in paths:
        for number, row in _rows(path):
            entries.append(_entry(path, number, row, overlay or {}))
    return entries


def read_overlay(folder: Path) -> dict[str, dict[str, Any]]:
    """Corrections by path; each line has `path`, `reason` and `label` or `transient`."""
    path = folder / OVERLAY_NAME
    if not path.is_file():
        return {}
    corrections: dict[str, dict[str, Any]] = {}
    for number, row in _rows(path):
        if not row.get("reason"):
            raise ConfigError(f"{path}:{number}: a correction needs its reason")
        key = row.get("path")
        if not isinstance(key, str) or not {"label", "transient"} & row.keys():
            raise ConfigError(f"{path}:{number}: a correction needs `path`, and what it corrects")
        if key in corrections:
            raise ConfigError(f"{path}:{number}: {key} was corrected above")
        corrections[key] = row
    return corrections


def _rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    rows: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ConfigError(f"{path}:{number}: not JSON ({error})") from error
        if not isinstance(row, dict):
            raise ConfigError(f"{path}:{number}: a line must be a JSON object")
        rows.append((number, row))
    return rows


def _entry(
    manifest: Path, number: int, row: Mapping[str, Any], overlay: Mapping[str, Mapping[str, Any]]
) -> Entry:
    key, label = row.get("path"), row.get("label")
    if not isinstance(key, str) or not key:
        raise ConfigError(f"{manifest}:{number}: `path` is missing")
    if label not in CATEGORIES:
        raise ConfigError(f"{manifest}:{number}: `label` {label!r} is not one of the categories")
    project = row.get("project")
    entry = Entry(
        key=key,
        path=manifest.parent / key,
        label=label,
        silver=str(row.get("label_basis", "")).startswith("silver"),
        platform=str(row.get("platform") or "unknown"),
        # A bucket of unrelated logs is not a project.
        project=str(project) if project and project != "public" else None,
        evidence=str(row.get("evidence") or ""),
        transient=row.get("retry_would_help"),
    )
    correction = overlay.get(key)
    return entry if correction is None else _corrected(entry, correction)


def _corrected(entry: Entry, correction: Mapping[str, Any]) -> Entry:
    label = correction.get("label", entry.label)
    if label not in CATEGORIES:
        raise ConfigError(f"{OVERLAY_NAME}: {entry.key}: label {label!r} is not a category")
    return replace(
        entry,
        label=label,
        # A person has read it now.
        silver=entry.silver and "label" not in correction,
        transient=correction.get("transient", entry.transient),
    )
