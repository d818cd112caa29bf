"""The chart's README, schema, alerts and dashboard say what is so."""

import importlib.util
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import helm_python as helm
import pytest
import yaml

from rendering import CHART, one

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
ALERTS = yaml.safe_load((CHART / "files/alerts.yaml").read_text())
DASHBOARD = json.loads((CHART / "files/dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]] + [
    target["expr"] for panel in PANELS for target in panel["targets"]
]


def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool on this machine: Debian's package `prometheus` has it")
    return found


def test_the_readme_is_current():
    spec = importlib.util.spec_from_file_location("chart_readme", ROOT / "scripts/chart_readme.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    told = "run: python scripts/chart_readme.py"
    assert (CHART / "README.md").read_text() == module.readme(), told


def test_every_value_is_explained_and_in_the_schema():
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    explained = set(
        re.findall(r"^\| `([\w.]+)` \|", (CHART / "README.md").read_text(), re.MULTILINE)
    )

    def walk(part, shape, path):
        assert ".".join(path) in explained or isinstance(part, dict), f"{path} has no comment"
        properties = shape.get("properties", {})
        for key, value in part.items() if isinstance(part, dict) and properties else ():
            assert key in properties, f"{'.'.join((*path, key))} is not in values.schema.json"
            walk(value, properties[key], (*path, key))

    walk(values, json.loads((CHART / "values.schema.json").read_text()), ())


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_alerts_and_panels_ask_for_metrics_that_exist(expression):
    page = (ROOT / "docs/metrics.md").read_text()
    known = {}
    for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", page, re.MULTILINE):
        known[name] = set(re.findall(r"`(\w+)`", labels))
        if kind == "histogram":
            known[f"{name}_bucket"] = known[name] | {"le"}
    asked = re.findall(r"(pipeline_guard_\w+)(?:\{(.*?)\})?", expression)
    assert asked or "process_" in expression
    for name, matchers in asked:
        assert name in known
        assert set(re.findall(r'(\w+)=~?"', matchers)) <= known[name]


def test_every_alert_is_tested_to_fire_and_tells_what_to_do():
    tests = yaml.safe_load((HERE / "alerts.test.yaml").read_text())["tests"]
    fires = {
        case["alertname"]
        for test in tests
        for case in test.get("alert_rule_test", [])
        if case["exp_alerts"]
    }
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    assert {rule["alert"] for rule in rules} == fires
    for rule in rules:
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["labels"]["severity"] in ("critical", "warning")


def test_the_alerts_fire_when_and_only_when_they_should():
    subprocess.run(
        [promtool(), "test", "rules", HERE / "alerts.test.yaml"], check=True, timeout=120
    )


def test_every_panel_s_question_is_one_that_prometheus_understands(tmp_path):
    rules = [
        {"record": f"panel:{number}", "expr": text.replace("$__rate_interval", "5m")}
        for number, text in enumerate(EXPRESSIONS)
    ]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    subprocess.run([promtool(), "check", "rules", file], check=True, timeout=60)


def test_panels_have_ids_words_and_a_place_of_their_own():
    everything = DASHBOARD["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    assert all(panel["title"] and panel["description"] for panel in PANELS)
    taken = set()
    for panel in everything:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_alerts_and_dashboard_arrive_in_the_cluster_unchanged(render):
    objects = render({"metrics": {"rules": {"enabled": True}, "dashboard": {"enabled": True}}})
    assert one(objects, "PrometheusRule")["spec"] == ALERTS
    carried = one(objects, "ConfigMap", "-dashboard")["data"]["pipeline-guard.json"]
    assert json.loads(carried) == DASHBOARD


def test_the_package_holds_all_that_the_templates_read_and_nothing_else(tmp_path):
    with tarfile.open(helm.package(CHART, destination=tmp_path)) as package:
        packed = {name.removeprefix("pipeline-guard/") for name in package.getnames()}
    here = {str(path.relative_to(CHART)) for path in CHART.rglob("*") if path.is_file()}
    assert packed == here
