"""Renders the chart with Helm's own engine, which `helm-python-sdk` carries in its wheel."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

CHART = Path(__file__).parents[1] / "pipeline-guard"
REQUIRED: dict[str, Any] = {
    "database": {"existingSecret": "guard-database"},
    "api": {"existingSecret": "guard-api"},
}

Render = Callable[..., list[dict[str, Any]]]


def merged(*layers: dict[str, Any]) -> dict[str, Any]:
    """Values in layers, the later ones winning, as Helm merges them."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if both else value
    return result


def renderer() -> Render:
    """Loads the chart once."""
    chart = helm.Chart.load(CHART)

    def rendered(*layers: dict[str, Any], required: bool = True) -> list[dict[str, Any]]:
        values = merged(REQUIRED if required else {}, *layers)
        chart.validate_schema(values)
        files = chart.render(values, name="guard", namespace="ci")
        texts = [text for path, text in files.items() if path.endswith(".yaml")]
        return [item for text in texts for item in yaml.safe_load_all(text) if item]

    return rendered


def one(objects: list[dict[str, Any]], kind: str, end: str = "") -> dict[str, Any]:
    """The only object of that kind whose name ends so."""
    found = [
        item for item in objects if item["kind"] == kind and item["metadata"]["name"].endswith(end)
    ]
    assert len(found) == 1, f"{kind} {end}: {[item['metadata']['name'] for item in found]}"
    return found[0]


def pods(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Every pod template by the name of its owner."""
    return {
        item["metadata"]["name"]: item["spec"]["template"]
        for item in objects
        if item["kind"] in ("Deployment", "Job")
    }
